import type { Redis } from 'ioredis';
import { InvalidOptionError } from './errors.js';
import { keys } from './keys.js';
import { checkKnown } from './known-options.js';
import { readServerClock } from './server-clock.js';

/** In any `perSeconds`, however the window is laid, at most `max` jobs of the queue are taken by workers. */
export interface StartLimit {
  max: number;
  perSeconds: number;
}

const longestSeconds = 31_536_000;

const known = new Set(['max', 'perSeconds']);

const checkStartLimit = (given: StartLimit): void => {
  checkKnown(given, known);
  const { max, perSeconds } = given;
  // Each call of a worker within the window is an entry of a list.
  if (!Number.isInteger(max) || max < 1 || max > 1e6)
    throw new InvalidOptionError('max', 'it must be a whole number, 1 to 1,000,000');
  if (!(typeof perSeconds === 'number' && perSeconds >= 0.001 && perSeconds <= longestSeconds))
    throw new InvalidOptionError('perSeconds', `it must be a number, 0.001 to ${longestSeconds}`);
};

/** Sets the limit, or another one; what was taken lately counts on. @throws InvalidOptionError */
export const limitStarts = async (
  redis: Redis,
  queue: string,
  limit: StartLimit,
): Promise<void> => {
  checkStartLimit(limit);
  const perMs = Math.round(limit.perSeconds * 1_000);
  await redis.hset(keys.startLimit(queue), { max: limit.max, perMs });
};

/** Whether there was one. */
export const unlimitStarts = async (redis: Redis, queue: string): Promise<boolean> => {
  const isThere = (await redis.del(keys.startLimit(queue))) === 1;
  await redis.del(keys.starts(queue));
  return isThere;
};

/** The limit, and how many jobs were taken within its window; `null` when there is none. Looking changes nothing. */
export const startLimitOf = async (
  redis: Redis,
  queue: string,
): Promise<(StartLimit & { used: number }) | null> => {
  const [max, perMs] = await redis.hmget(keys.startLimit(queue), 'max', 'perMs');
  if (!/^\d{1,13}$/.test(max ?? '') || !/^\d{1,13}$/.test(perMs ?? '')) return null;
  const sinceMs = (await readServerClock(redis)).ms - Number(perMs);
  const used = (await redis.lrange(keys.starts(queue), 0, -1))
    .map((entry) => entry.split(' ').map(Number) as [number, number])
    .filter(([at]) => at > sinceMs)
    .reduce((sum, [, count]) => sum + count, 0);
  return { max: Number(max), perSeconds: Number(perMs) / 1_000, used };
};
