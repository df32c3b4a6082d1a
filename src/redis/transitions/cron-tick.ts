import type { Redis } from 'ioredis';
import { DuplicateJobError, WrongKeyTypeError } from '../errors.js';
import { keys, prefixes } from '../keys.js';
import { type Argument, loadScript, runScript } from '../scripts.js';
import { type NewJob, pushJobs } from './enqueue.js';
import type { WireSettings } from './queue-keys.js';

const script = loadScript('cron-tick');

/** RQ: `DEFAULT_CRON_JOB_HISTORY_LIMIT`, `DEFAULT_CRON_JOB_HISTORY_TTL`. */
const historyLength = 1_000;
const historyTtlSeconds = 31_536_000;
/** Longer than a year: the mark of a yearly entry must still be there when its next tick is due. */
const marksTtlSeconds = 34_560_000;

/** One tick as it is asked for; asked for again, after a lost reply, in the same words. */
export interface CronTick {
  queue: string;
  /** Of the entry; with the queue it says which ticks are the same. */
  name: string;
  /** A fixed time in milliseconds since the epoch, or so many milliseconds after the last tick. */
  when: { dueMs: number } | { intervalMs: number };
  job: NewJob;
  /** RQ's text. */
  createdAt: string;
}

export interface CronTickReply {
  /** `elsewhere`: this tick or a later one was enqueued by another request. `early`: Redis says that it is not due. */
  verdict: 'enqueued' | 'elsewhere' | 'early';
  /** By the clock of Redis. */
  nowMs: number;
  /** Of the newest tick that was enqueued; with `early`, of the one that was asked for. */
  dueMs: number;
}

const verdicts = { w: 'enqueued', s: 'enqueued', o: 'elsewhere', e: 'early' } as const;

/**
 * Enqueues a tick of a cron entry once, whoever asks how often, and writes it into RQ's history.
 *
 * @throws DuplicateJobError, WrongKeyTypeError, what Redis rejects
 */
export const cronTick = async (
  redis: Redis,
  tick: CronTick,
  settings: WireSettings,
): Promise<CronTickReply> => {
  const { queue, name, when, job, createdAt } = tick;
  const args: Argument[] = [
    prefixes.job,
    settings.eventLogLength,
    queue,
    createdAt,
    name,
    'dueMs' in when ? when.dueMs : '',
    'intervalMs' in when ? when.intervalMs : '',
    historyLength,
    historyTtlSeconds,
    marksTtlSeconds,
  ];
  pushJobs(args, [job], createdAt);
  const [letter, nowMs, dueMs, refusal] = (await runScript(
    redis,
    script,
    [
      keys.queues,
      keys.queue(queue),
      keys.events(queue),
      keys.cron(queue),
      keys.cronHistory(name),
      keys.cronJobs,
    ],
    args,
  )) as [Buffer, number, number, Buffer?];
  if (String(letter) === 'd') throw new DuplicateJobError(job.id);
  if (String(letter) === 'x')
    throw new WrongKeyTypeError(`Job ${job.id}: the key of its group is no set`);
  if (String(letter) === 'k') throw new WrongKeyTypeError(String(refusal));
  return { verdict: verdicts[String(letter) as keyof typeof verdicts], nowMs, dueMs };
};
