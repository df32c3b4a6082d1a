import type { Redis } from 'ioredis';
import { InvalidOptionError } from './errors.js';
import { keys } from './keys.js';
import { checkKnown } from './known-options.js';

/** How long a pause lasts; for ever unless it says so. */
export interface PauseOptions {
  /** Whole seconds, 1 or more. RQ: the `ttl` of `suspend`. */
  seconds?: number;
}

/** That something is paused, and for how long yet. */
export interface Pause {
  /** Seconds, rounded up; `null` until somebody resumes it. */
  secondsLeft: number | null;
}

/** `null` when it is not paused. */
const pauseOf = async (redis: Redis, key: string): Promise<Pause | null> => {
  const ms = await redis.pttl(key);
  // A key that is there without an end, and one that is not there.
  if (ms < 0) return ms === -1 ? { secondsLeft: null } : null;
  return { secondsLeft: Math.ceil(ms / 1_000) };
};

const known = new Set(['seconds']);

// One command: RQ sets the key and its lifetime apart, and one that dies in between suspends for ever.
const put = async (redis: Redis, key: string, options: PauseOptions): Promise<void> => {
  checkKnown(options, known);
  const { seconds } = options;
  if (seconds === undefined) {
    await redis.set(key, '1');
    return;
  }
  if (!(Number.isSafeInteger(seconds) && seconds >= 1))
    throw new InvalidOptionError('seconds', 'it must be a whole number of seconds, 1 or more');
  await redis.set(key, '1', 'EX', seconds);
};

/** No worker, Node's or Python's, takes a job from now on. RQ: `suspend`. @throws InvalidOptionError */
export const suspend = (redis: Redis, options: PauseOptions = {}): Promise<void> =>
  put(redis, keys.suspended, options);

/** Whether it was suspended. RQ: `resume`. */
export const resume = async (redis: Redis): Promise<boolean> =>
  (await redis.del(keys.suspended)) === 1;

/** `null` when workers may take jobs. RQ: `is_suspended`. */
export const suspensionOf = (redis: Redis): Promise<Pause | null> => pauseOf(redis, keys.suspended);

/** No worker of ours takes a job of this queue from now on. @throws InvalidOptionError */
export const pauseQueue = (
  redis: Redis,
  queue: string,
  options: PauseOptions = {},
): Promise<void> => put(redis, keys.paused(queue), options);

/** Whether it was paused. */
export const resumeQueue = async (redis: Redis, queue: string): Promise<boolean> =>
  (await redis.del(keys.paused(queue))) === 1;

/** `null` when it is not paused. That all workers are suspended does not count here. */
export const queuePauseOf = (redis: Redis, queue: string): Promise<Pause | null> =>
  pauseOf(redis, keys.paused(queue));
