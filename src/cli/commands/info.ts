import type { Command } from 'commander';
import type { ListedRateLimit } from '../../redis/rate-limits.js';
import type { ListedWorker } from '../../redis/worker-records.js';
import type { Queue, QueueCounts } from '../../streams/queue.js';
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

type QueueLimit = Awaited<ReturnType<Queue['startLimit']>>;

interface Overview {
  queues: Array<{ name: string; counts: QueueCounts; limit: QueueLimit }>;
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
  await withRq(io, options, async (rq) => {
    print(io, await look(io, rq, names), options);
    if (options.interval === undefined) return;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, (options.interval as number) * 1_000));
      try {
        const overview = await look(io, rq, names);
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

const look = async (io: Io, rq: Rq, names: readonly string[]): Promise<Overview> => {
  const queueNames = names.length > 0 ? names : await existingQueues(rq, io);
  const [counts, limits, rateLimits, listening, registered] = await Promise.all([
    Promise.all(queueNames.map((name) => rq.queue(name).counts())),
    Promise.all(queueNames.map((name) => rq.queue(name).startLimit())),
    names.length > 0 ? [] : rq.rateLimits(),
    rq.workers(queueNames),
    names.length > 0 ? [] : rq.workers(),
  ]);
  const workers = new Map([...registered, ...listening].map((worker) => [worker.name, worker]));
  return {
    queues: queueNames.map((name, index) => ({
      name,
      counts: counts[index] as QueueCounts,
      limit: limits[index] as QueueLimit,
    })),
    rateLimits,
    workers: [...workers.values()],
  };
};

const print = (io: Io, { queues, rateLimits, workers }: Overview, options: InfoOptions): void => {
  const jobs = queues.reduce((sum, { counts }) => sum + counts.queued, 0);
  if (options.json) {
    if (!options.onlyWorkers)
      for (const { name, counts, limit } of queues)
        io.json({ kind: 'queue', name, ...counts, limit });
    if (!options.onlyWorkers)
      for (const limit of rateLimits) io.json({ kind: 'rateLimit', ...limit });
    if (!options.onlyQueues) for (const worker of workers) io.json({ kind: 'worker', ...worker });
    io.json({
      kind: 'total',
      at: new Date().toISOString(),
      queues: queues.length,
      jobs,
      workers: workers.length,
    });
    return;
  }
  const raw = options.raw === true;
  if (!options.onlyWorkers) {
    const scale = chartScale(Math.max(0, ...queues.map(({ counts }) => counts.queued)));
    for (const { name, counts, limit } of queues) {
      io.out(
        queueLine(
          name,
          counts,
          raw ? null : barLength(counts.queued, scale, io.columns),
          io.colors,
        ),
      );
      if (limit)
        io.out(
          raw ? `limit ${escapeText(name)} ${limitText(limit)}` : `  starts: ${limitText(limit)}`,
        );
    }
    for (const limit of rateLimits) io.out(rateLimitLine(limit, raw));
    if (!raw) io.out(`${queues.length} queues, ${jobs} jobs total`);
  }
  if (!raw && !options.onlyQueues && !options.onlyWorkers) io.out('');
  if (!options.onlyQueues) {
    const names = queues.map(({ name }) => name);
    const lines = options.byQueue
      ? byQueueLines(names, workers, io.colors)
      : workers.map((worker) => workerLine(worker, raw, io.colors));
    for (const line of lines) io.out(line);
    if (!raw) io.out(`${workers.length} workers, ${queues.length} queues`);
  }
  if (!raw && !options.onlyQueues && !options.onlyWorkers) {
    io.out('');
    io.out(`Updated: ${new Date().toISOString().replace('T', ' ').replace('Z', ' UTC')}`);
  }
};
