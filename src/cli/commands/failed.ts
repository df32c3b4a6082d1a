import { Argument, type Command } from 'commander';
import { NoSuchJobError } from '../../redis/errors.js';
import type { Rq } from '../../streams/rq.js';
import { confirmOrStop } from '../confirm.js';
import { type CommonOptions, shownTarget, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import { ExitError, exitCodes, UsageError } from '../exit.js';
import { type FailedJob, selectFailed } from '../failed-jobs.js';
import type { Io } from '../io.js';
import { wholeNumber } from '../option-values.js';
import { errorLine } from '../traceback.js';

interface FailedOptions extends CommonOptions {
  all?: boolean;
  queue?: string;
  grep?: string;
  limit?: number;
  yes?: boolean;
}

type Action = 'list' | 'requeue' | 'delete';

const listedAtOnce = 50;

/** `rxrq failed`: the FailedQueue. */
export const failedCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('failed'))
    .description('list, requeue or delete failed jobs')
    .addArgument(
      new Argument('[action]', 'what to do').choices(['list', 'requeue', 'delete']).default('list'),
    )
    .argument('[ids...]', 'which jobs')
    .option('--all', 'every failed job')
    .option('-q, --queue <queue>', 'only jobs of this queue')
    .option('--grep <text>', 'only jobs whose id, call or error holds this text')
    .option('--limit <n>', `at most so many (list: ${listedAtOnce})`, wholeNumber(1))
    .option('-y, --yes', 'do not ask')
    .action((action: Action, ids: string[], options: FailedOptions) =>
      action === 'list' ? list(io, ids, options) : change(io, action, ids, options),
    );
};

const selectionOf = (ids: string[], { queue, grep, limit }: FailedOptions) => ({
  ...(ids.length > 0 && { ids }),
  ...(queue !== undefined && { queue }),
  ...(grep !== undefined && { grep }),
  ...(limit !== undefined && { limit }),
});

const list = async (io: Io, ids: string[], options: FailedOptions): Promise<void> => {
  const limit = options.limit ?? (options.all ? Number.POSITIVE_INFINITY : listedAtOnce);
  await withRq(io, options, async (rq, _, tell) => {
    let shown = 0;
    // One more than is shown tells whether there are more.
    const selection = { ...selectionOf(ids, options), limit: limit + 1 };
    for await (const job of selectFailed(rq, selection, tell)) {
      if (shown === limit) {
        if (!options.json) io.err(`… and more: --limit N or --all shows them`);
        return;
      }
      shown += 1;
      if (options.json) io.json(asJson(job));
      else io.out(line(io, job));
    }
    if (shown === 0 && !options.json) io.err('No failed jobs.');
  });
};

const asJson = ({ record, traceback }: FailedJob): object => ({
  jobId: record.id,
  queue: record.origin,
  name: record.call?.functionName ?? null,
  description: record.description,
  status: record.status,
  failedAt: record.endedAt?.toISOString() ?? null,
  attempt: record.attempt,
  worker: record.workerName,
  reason: errorLine(traceback),
  traceback,
});

const line = ({ colors }: Io, { record, traceback }: FailedJob): string => {
  const at = record.endedAt?.toISOString().replace('T', ' ').slice(0, 19) ?? '-'.padEnd(19);
  const call = escapeText(record.description || (record.call?.functionName ?? '?'), 80);
  return `${colors.dim(at)} ${escapeText(record.id)} ${escapeText(record.origin)} ${call} ${colors.red(escapeText(errorLine(traceback), 200))}`;
};

const change = async (
  io: Io,
  action: 'requeue' | 'delete',
  ids: string[],
  options: FailedOptions,
): Promise<void> => {
  const isSelected =
    ids.length > 0 || options.all || options.queue !== undefined || options.grep !== undefined;
  if (!isSelected) throw new UsageError(`which jobs? Give ids, --queue, --grep, or --all`);
  await withRq(io, options, async (rq, url, tell) => {
    const chosen: Array<{ id: string }> = [];
    for await (const { record } of selectFailed(rq, selectionOf(ids, options), tell))
      chosen.push(record);
    if (chosen.length > 0) {
      await confirmOrStop(
        io,
        `${action} ${countText(chosen.length)} at ${shownTarget(url)}?`,
        options.yes,
      );
    }
    const changed = await (action === 'requeue' ? requeue(rq, chosen) : remove(rq, chosen));
    const done = action === 'requeue' ? 'requeued' : 'deleted';
    if (options.json) io.json({ action, [done]: changed, selected: chosen.length });
    else io.out(`${countText(changed)} ${done} at ${shownTarget(url)}`);
    stopWhenMissing(ids, chosen);
  });
};

const requeue = (rq: Rq, jobs: ReadonlyArray<{ id: string }>): Promise<number> =>
  rq.failedQueue.requeueMany(jobs.map(({ id }) => id));

const remove = async (rq: Rq, jobs: ReadonlyArray<{ id: string }>): Promise<number> => {
  let removed = 0;
  for (const { id } of jobs) {
    const found = await rq.fetch(id).catch((error: unknown) => {
      // Somebody else was faster.
      if (error instanceof NoSuchJobError) return null;
      throw error;
    });
    if (await found?.job.delete()) removed += 1;
  }
  return removed;
};

const stopWhenMissing = (ids: readonly string[], chosen: ReadonlyArray<{ id: string }>): void => {
  const found = new Set(chosen.map(({ id }) => id));
  const missing = [...new Set(ids)].filter((id) => !found.has(id));
  if (missing.length === 0) return;
  throw new ExitError(exitCodes.failed, `not failed, or not there: ${missing.join(' ')}`);
};

const countText = (count: number): string =>
  count === 1 ? '1 failed job' : `${count} failed jobs`;
