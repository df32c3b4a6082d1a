import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import { type Argument, loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const script = loadScript('tick');
const release = loadScript('release-locks');

/** RQ's: its own interval of a second, and a minute. */
const lockSeconds = 61;
/** Jobs in one call: Redis serves nobody else meanwhile. */
const mostAtOnce = 250;

/** What a look at the queues found. */
export interface Look {
  /** Jobs that were taken out of the registries. */
  moved: number;
  /** Milliseconds until the next one is due; 0 when more are due now, `null` when none waits. */
  nextDueMs: number | null;
  /** Queues that are ours to look after; the others have another scheduler. */
  held: number;
  /** Queues left out because one of their keys has a wrong type. */
  faults: string[];
}

/**
 * A name for a scheduler. Digits only: RQ up to 2.9 reads the lock's value as a number, later releases as the name of
 * a hash. It begins with the pid, and is random, because pids come again and are the same on two hosts.
 */
export const schedulerName = (): string =>
  `${process.pid}${String(randomInt(2 ** 47)).padStart(15, '0')}`;

/**
 * Looks at the queues as the scheduler of this name. `renew` keeps the locks for another minute; a lock that is free is
 * taken in any case. Safe to repeat.
 */
export const tick = async (
  redis: Redis,
  scheduler: string,
  queues: readonly string[],
  renew: boolean,
  settings: WireSettings,
): Promise<Look> => {
  const args: Argument[] = [
    scheduler,
    lockSeconds,
    renew ? 1 : 0,
    mostAtOnce,
    settings.eventLogLength,
    settings.failureTtlSeconds,
    hostname(),
    process.pid,
    ...queues,
  ];
  const scriptKeys = [
    keys.scheduler(scheduler),
    keys.failedQueue,
    keys.queues,
    ...queues.map(keys.scheduled),
  ];
  const [moved, nextDueMs, held, faults] = (await runScript(redis, script, scriptKeys, args)) as [
    number,
    number,
    number,
    Buffer[],
  ];
  return { moved, nextDueMs: nextDueMs < 0 ? null : nextDueMs, held, faults: faults.map(String) };
};

/** Gives the locks of this scheduler back. */
export const releaseLocks = async (
  redis: Redis,
  scheduler: string,
  queues: readonly string[],
): Promise<void> => {
  await runScript(
    redis,
    release,
    [keys.scheduler(scheduler), ...queues.map(keys.schedulerLock)],
    [scheduler],
  );
};
