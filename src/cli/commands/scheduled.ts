import type { Command } from 'commander';
import type { JobRecord } from '../../redis/job-record.js';
import type { RegistryEntry } from '../../redis/registry-store.js';
import { passingOver, type TellWrongType } from '../../redis/wrong-type.js';
import type { Rq } from '../../streams/rq.js';
import { type CommonOptions, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import type { Io } from '../io.js';
import { duration, wholeNumber } from '../option-values.js';
import { existingQueues } from '../queue-names.js';

interface ScheduledOptions extends CommonOptions {
  limit: number;
  within?: number;
}

interface ScheduledJob {
  queue: string;
  entry: RegistryEntry;
  /** `null` for an entry that is left over: there is no such job. */
  record: JobRecord | null;
}

/** `rxrq scheduled`: jobs that wait for their time, the next one first. RQ has no such command. */
export const scheduledCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('scheduled'))
    .description('list jobs that wait for their time, the next one first')
    .argument('[queues...]', 'which queues (default: all)')
    .option('--within <duration>', 'only those that are due within so long', duration)
    .option('--limit <n>', 'at most so many', wholeNumber(1), 50)
    .action((names: string[], options: ScheduledOptions) =>
      withRq(io, options, async (rq, _, tell) => {
        const queues = names.length > 0 ? [...new Set(names)] : await existingQueues(rq, io);
        const { jobs, hasMore } = await nextJobs(rq, queues, options, tell);
        for (const job of jobs) {
          if (options.json) io.json(asJson(job));
          else io.out(line(io, job));
        }
        if (options.json) return;
        if (hasMore) io.err('… and more: --limit N shows them');
        if (jobs.length === 0) io.err('No scheduled jobs.');
      }),
    );
};

const nextJobs = async (
  rq: Rq,
  queues: readonly string[],
  { limit, within }: ScheduledOptions,
  tell: TellWrongType,
): Promise<{ jobs: ScheduledJob[]; hasMore: boolean }> => {
  const until = within === undefined ? null : new Date(Date.now() + within * 1_000);
  const found = await Promise.all(
    queues.map(async (queue) => {
      const { scheduled } = rq.queue(queue).registries;
      // One more than is shown tells whether there are more.
      const paging = { count: limit + 1 };
      const entries = until ? scheduled.due({ until, ...paging }) : scheduled.entries(paging);
      return (await passingOver(entries, [], tell)).map((entry) => ({ queue, entry }));
    }),
  );
  const all = found.flat().sort((a, b) => a.entry.score - b.entry.score);
  const next = all.slice(0, limit);
  const records = await rq.fetchMany(next.map(({ entry }) => entry.jobId));
  const jobs = next.map((one, index) => ({ ...one, record: records[index] ?? null }));
  return { jobs, hasMore: all.length > limit };
};

const asJson = ({ queue, entry, record }: ScheduledJob): object => ({
  jobId: entry.jobId,
  queue,
  dueAt: entry.at?.toISOString() ?? null,
  name: record?.call?.functionName ?? null,
  description: record?.description ?? null,
});

const line = ({ colors }: Io, { queue, entry, record }: ScheduledJob): string => {
  const at = entry.at?.toISOString().replace('T', ' ').slice(0, 19) ?? 'never'.padEnd(19);
  const call = record
    ? escapeText(record.description || (record.call?.functionName ?? '?'), 80)
    : colors.yellow('there is no such job');
  return `${colors.dim(at)} ${escapeText(entry.jobId)} ${escapeText(queue)} ${call}`;
};
