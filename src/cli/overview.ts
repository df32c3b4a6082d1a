import type { KnownCounts } from '../redis/queue-counts.js';
import type { ListedRateLimit } from '../redis/rate-limits.js';
import type { StartLimit } from '../redis/start-limits.js';
import type { Pause } from '../redis/suspension.js';
import type { ListedWorker } from '../redis/worker-records.js';
import { escapeText } from './escape.js';
import type { Colors } from './io.js';

/** Lines of `rxrq info`, in the words of RQ's `show_queues` and `show_workers`. */

const scales = [20, 50, 100, 200, 400, 600, 800, 1_000];
const widestBar = 20;

/** How many jobs a full bar stands for. RQ: `get_scale`. */
export const chartScale = (mostJobs: number): number =>
  scales.find((scale) => mostJobs <= scale) ?? mostJobs;

export const barLength = (jobs: number, scale: number, columns: number): number => {
  const width = Math.max(0, Math.min(widestBar, columns - 20));
  return Math.floor((jobs * width) / scale);
};

/**
 * `default      |████ 12, 1 executing, 3 finished, 0 failed`; without a bar in RQ's raw form. `?` where there is no number,
 * because the key has a wrong type.
 */
export const queueLine = (
  name: string,
  counts: KnownCounts,
  bar: number | null,
  colors: Colors,
): string => {
  const { queued, started, finished, failed, scheduled } = counts;
  const text = (count: number | null): string => `${count ?? '?'}`;
  const later = scheduled === 0 ? '' : `, ${text(scheduled)} scheduled`;
  const numbers = `${text(queued)}, ${text(started)} executing, ${text(finished)} finished, ${text(failed)} failed${later}`;
  if (bar === null) return `queue ${escapeText(name)} ${numbers}`;
  return `${escapeText(name).padEnd(12)} ${colors.green(`|${'█'.repeat(bar)}`)} ${numbers}`;
};

/** `57 s left`. */
export const pauseText = ({ secondsLeft }: Pause, end: string): string =>
  secondsLeft === null ? `until \`${end}\`` : `${secondsLeft} s left`;

/** `100 in 60 s, 3 used`. */
export const limitText = ({ max, perSeconds, used }: StartLimit & { used: number }): string =>
  `${max} in ${perSeconds} s, ${used} used`;

/** `rate limit tenant-7: 3 of 3, 12 waiting`. */
export const rateLimitLine = (limit: ListedRateLimit, raw: boolean): string => {
  const { key, concurrency, allowed, waiting } = limit;
  return `rate limit ${escapeText(key)}${raw ? '' : ':'} ${allowed} of ${concurrency}, ${waiting} waiting`;
};

export const workerLine = (worker: ListedWorker, raw: boolean, colors: Colors): string => {
  const host = [worker.hostname, worker.ipAddress, worker.pid]
    .filter((part) => part !== '' && part !== null)
    .join(' ');
  const name = `${escapeText(worker.name)} (${escapeText(host)})`;
  const work = `${escapeText(worker.queues.join(', '))}. jobs: ${worker.finishedJobs} finished, ${worker.failedJobs} failed`;
  return raw
    ? `worker ${name} ${escapeText(worker.state)} ${work}`
    : `${name}: ${stateText(worker.state, colors)} ${work}`;
};

/** For each queue the workers that listen to it. */
export const byQueueLines = (
  queues: readonly string[],
  workers: readonly ListedWorker[],
  colors: Colors,
): string[] => {
  const shown = queues.map((queue) => `${escapeText(queue)}:`);
  const width = Math.max(0, ...shown.map((name) => name.length));
  return queues.map((queue, index) => {
    const listening = workers.filter((worker) => worker.queues.includes(queue));
    const names = listening.map(
      (worker) => `${escapeText(worker.name)} (${stateText(worker.state, colors)})`,
    );
    return `${(shown[index] as string).padEnd(width)} ${names.join(', ') || '–'}`;
  });
};

const stateText = (state: string, colors: Colors): string => {
  if (state === 'busy') return colors.red(state);
  if (state === 'idle') return colors.green(state);
  return state === 'suspended' ? colors.yellow(state) : escapeText(state);
};
