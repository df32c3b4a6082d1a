import type { Redis } from 'ioredis';
import { InvalidOptionError } from './errors.js';
import { keys } from './keys.js';
import { checkKnown } from './known-options.js';
import { loadScript, runScript } from './scripts.js';
import type { RateLimit } from './transitions/enqueue.js';
import type { WireSettings } from './transitions/queue-keys.js';
import { passingOver, type TellWrongType } from './wrong-type.js';

const sweepScript = loadScript('sweep-limit');

/** A rate limit in use. */
export interface ListedRateLimit extends RateLimit {
  /** Jobs that hold a slot: queued or started. */
  allowed: number;
  /** Jobs that wait for one. */
  waiting: number;
}

const known = new Set(['key', 'concurrency']);

/** @throws InvalidOptionError */
export const checkRateLimit = (given: RateLimit): RateLimit => {
  checkKnown(given, known, 'rateLimit.');
  const { key, concurrency } = given;
  if (typeof key !== 'string' || key === '' || key.length > 200 || /\p{Cc}/u.test(key))
    throw new InvalidOptionError(
      'rateLimit.key',
      'it must be 1 to 200 characters, and no control characters',
    );
  if (/:(allowed|rate_limited)$/.test(key))
    throw new InvalidOptionError(
      'rateLimit.key',
      'names ending in ":allowed" or ":rate_limited" belong to RQ',
    );
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 1e9)
    throw new InvalidOptionError('rateLimit.concurrency', 'it must be a whole number, 1 or more');
  return { key, concurrency };
};

/** All rate limits in use, by key. One whose books have a wrong type is passed over, and told. */
export const listRateLimits = async (
  redis: Redis,
  tell: TellWrongType,
): Promise<ListedRateLimit[]> => {
  const found = (await redis.smembers(keys.rateLimits)).sort();
  const limits = await Promise.all(
    found.map((key) => passingOver(readRateLimit(redis, key), null, tell)),
  );
  return limits.filter((limit) => limit !== null);
};

const readRateLimit = async (redis: Redis, key: string): Promise<ListedRateLimit> => {
  const [concurrency, allowed, waiting] = await Promise.all([
    redis.hget(keys.rateLimit(key), 'concurrency'),
    redis.zcard(keys.allowed(key)),
    redis.zcard(keys.rateLimited(key)),
  ]);
  return { key, concurrency: Number(concurrency ?? 0), allowed, waiting };
};

/** Ids that wait for a slot of this key, the next one first. */
export const rateLimitedIds = (redis: Redis, key: string, count = 1_000): Promise<string[]> =>
  redis.zrange(keys.rateLimited(key), '0', String(count - 1));

const sweepEveryMs = 5_000;
/** Slots of one key that are looked at in one sweep, and jobs that wait: those who came first expire first. */
const mostSlots = 10_000;
const mostWaiting = 1_000;

/**
 * Takes back slots that jobs hold no more; one of all workers does so, every five seconds. Answers how many, or `null`
 * when it was not our turn.
 */
export const sweepLimits = async (redis: Redis, settings: WireSettings): Promise<number | null> => {
  const turn = await redis.set(keys.sweepingLimits, '1', 'PX', sweepEveryMs, 'NX');
  if (turn === null) return null;
  let taken = 0;
  for (const key of await redis.smembers(keys.rateLimits))
    taken += await sweepLimit(redis, key, settings);
  return taken;
};

/** The same for one limit, at once. Whoever may have a slot then gets it. Answers how many were taken back. */
export const sweepLimit = async (
  redis: Redis,
  key: string,
  { eventLogLength }: WireSettings,
): Promise<number> => {
  const args = [key, eventLogLength, mostSlots, mostWaiting];
  return (await runScript(redis, sweepScript, [], args)) as number;
};
