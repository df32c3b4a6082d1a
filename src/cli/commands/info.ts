import type { Command } from 'commander';
import { type KnownCounts, readCounts } from '../../redis/queue-counts.js';
import type { ListedRateLimit } from '../../redis/rate-limits.js';
import type { Pause } from '../../redis/suspension.js';
import type { ListedWorker } from '../../redis/worker-records.js';
import { passingOver, type TellWrongType } from '../../redis/wrong-type.js';
import type { Queue } from '../../streams/queue.js';
import type { Rq } from '../../streams/rq.js';
import { type CommonOptions, withCommonOptions, withRq } from '../connect.js';
import { escapeText } from '../escape.js';
import { UsageError } from '../exit.js';
import type { Io } from '../io.js';
import { seconds } from '../option-values.js';
import {
  barLength,
  byQueueLines,
  chartScale,
  limitText,
  pauseText,
  queueLine,
  rateLimitLine,
  workerLine,
} from '../overview.js';
import { existingQueues } from '../queue-names.js';

interface InfoOptions extends CommonOptions {
  interval?: number;
  raw?: boolean;
  onlyQueues?: boolean;
  onlyWorkers?: boolean;
  byQueue?: boolean;
}

interface QueueOverview {
  name: string;
  counts: KnownCounts;
  /** When the first of its scheduled jobs is due; `null` when there is none. */
  nextDueAt: Date | null;
  limit: Awaited<ReturnType<Queue['startLimit']>>;
  paused: Pause | null;
}

interface Overview {
  /** All workers are. */
  suspended: Pause | null;
  queues: QueueOverview[];
  rateLimits: ListedRateLimit[];
  workers: ListedWorker[];
}

/** `rxrq info`: queues and workers, as `rq info` shows them; unlike RQ's, looking changes nothing. */
export const infoCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('info'))
    .description('show queues and workers')
    .argument('[queues...]', 'which queues (default: all)')
    .option('-i, --interval <seconds>', 'show again and again', seconds(0.1))
    .option('-r, --raw', 'without bars and totals')
    .option('-Q, --only-queues', 'no workers')
    .option('-W, --only-workers', 'no queues')
    .option('-R, --by-queue', 'workers by queue')
    .action((queues: string[], options: InfoOptions) => info(io, queues, options));
};

const info = async (io: Io, names: string[], options: InfoOptions): Promise<void> => {
  if (options.onlyQueues && options.onlyWorkers)
    throw new UsageError('--only-queues and --only-workers exclude each other');
  await withRq(io, options, async (rq, _, tell) => {
    print(io, await look(io, rq, names, tell), options);
    if (options.interval === undefined) return;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, (options.interval as number) * 1_000));
      try {
        const overview = await look(io, rq, names, tell);
        if (io.isTerminal && !options.json) io.write('\u001b[H\u001b[2J');
        print(io, overview, options);
      } catch (error) {
        // A monitor outlives what it watches.
        io.err(
          `Redis does not answer: ${escapeText(error instanceof Error ? error.message : String(error))}`,
        );
      }
    }
  });
};

// One key of a wrong type hides nothing of the rest.
const look = async (
  io: Io,
  rq: Rq,
  names: readonly string[],
  tell: TellWrongType,
): Promise<Overview> => {
  const queueNames = names.length > 0 ? names : await passingOver(existingQueues(rq, io), [], tell);
  const [suspended, queues, rateLimits, listening, registered] = await Promise.all([
    rq.suspension(),
    Promise.all(queueNames.map((name) => lookAtQueue(rq, rq.queue(name), tell))),
    names.length > 0 ? [] : passingOver(rq.rateLimits(), [], tell),
    rq.workers(queueNames),
    names.length > 0 ? [] : passingOver(rq.workers(), [], tell),
  ]);
  const workers = new Map([...registered, ...listening].map((worker) => [worker.name, worker]));
  return { suspended, queues, rateLimits, workers: [...workers.values()] };
};

const lookAtQueue = async (rq: Rq, queue: Queue, tell: TellWrongType): Promise<QueueOverview> => {
  const [counts, limit, paused] = await Promise.all([
    queue.name === 'failed' ? countFailed(queue, tell) : readCounts(rq.redis, queue.name, tell),
    passingOver(queue.startLimit(), null, tell),
    queue.currentPause(),
  ]);
  // The FailedQueue has none, and no registries.
  const [next] = counts.scheduled ? await queue.registries.scheduled.entries({ count: 1 }) : [];
  return { name: queue.name, counts, nextDueAt: next?.at ?? null, limit, paused };
};

const countFailed = async (failedQueue: Queue, tell: TellWrongType): Promise<KnownCounts> => {
  const none = { queued: 0, started: 0, finished: 0, scheduled: 0, deferred: 0, canceled: 0 };
  return { ...none, failed: await passingOver(failedQueue.length(), null, tell) };
};

const print = (io: Io, overview: Overview, options: InfoOptions): void => {
  if (options.json) printObjects(io, overview, options);
  else printLines(io, overview, options);
};

const jobsIn = (queues: readonly QueueOverview[]): number =>
  queues.reduce((sum, { counts }) => sum + (counts.queued ?? 0), 0);

const printObjects = (io: Io, overview: Overview, options: InfoOptions): void => {
  const { suspended, queues, rateLimits, workers } = overview;
  if (!options.onlyWorkers) {
    for (const { name, counts, ...rest } of queues)
      io.json({ kind: 'queue', name, ...counts, ...rest });
    for (const limit of rateLimits) io.json({ kind: 'rateLimit', ...limit });
  }
  if (!options.onlyQueues) for (const worker of workers) io.json({ kind: 'worker', ...worker });
  io.json({
    kind: 'total',
    at: new Date().toISOString(),
    queues: queues.length,
    jobs: jobsIn(queues),
    workers: workers.length,
    suspended,
  });
};

const printLines = (io: Io, overview: Overview, options: InfoOptions): void => {
  const { suspended, queues, workers } = overview;
  const raw = options.raw === true;
  const hasBoth = !raw && !options.onlyQueues && !options.onlyWorkers;
  if (suspended) {
    const left = pauseText(suspended, 'rxrq resume');
    io.out(raw ? `suspended ${left}` : io.colors.yellow(`All workers are suspended: ${left}`));
  }
  if (!options.onlyWorkers) printQueues(io, overview, raw);
  if (hasBoth) io.out('');
  if (!options.onlyQueues) {
    const names = queues.map(({ name }) => name);
    const lines = options.byQueue
      ? byQueueLines(names, workers, io.colors)
      : workers.map((worker) => workerLine(worker, raw, io.colors));
    for (const line of lines) io.out(line);
    if (!raw) io.out(`${workers.length} workers, ${queues.length} queues`);
  }
  if (!hasBoth) return;
  io.out('');
  io.out(`Updated: ${new Date().toISOString().replace('T', ' ').replace('Z', ' UTC')}`);
};

const printQueues = (io: Io, { queues, rateLimits }: Overview, raw: boolean): void => {
  const scale = chartScale(Math.max(0, ...queues.map(({ counts }) => counts.queued ?? 0)));
  for (const { name, counts, nextDueAt, limit, paused } of queues) {
    const bar = raw ? null : barLength(counts.queued ?? 0, scale, io.columns);
    const shown = escapeText(name);
    io.out(queueLine(name, counts, bar, io.colors));
    if (paused) {
      const left = pauseText(paused, `rxrq unpause ${shown}`);
      io.out(raw ? `paused ${shown} ${left}` : io.colors.yellow(`  paused: ${left}`));
    }
    if (nextDueAt && !raw) io.out(`  next scheduled: ${nextDueAt.toISOString()}`);
    if (limit) io.out(raw ? `limit ${shown} ${limitText(limit)}` : `  starts: ${limitText(limit)}`);
  }
  for (const limit of rateLimits) io.out(rateLimitLine(limit, raw));
  if (!raw) io.out(`${queues.length} queues, ${jobsIn(queues)} jobs total`);
};
