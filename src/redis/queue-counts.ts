import type { Redis } from 'ioredis';
import { keys } from './keys.js';
import { readServerClock } from './server-clock.js';
import { replyOr, type TellWrongType } from './wrong-type.js';

/** How many jobs of a queue are where. RQ: the queue's and its registries' counts. */
export interface QueueCounts {
  queued: number;
  started: number;
  finished: number;
  failed: number;
  scheduled: number;
  deferred: number;
  canceled: number;
}

/** The same, as far as it is known: `null` where the key has a wrong type. */
export type KnownCounts = { [place in keyof QueueCounts]: number | null };

/** Entries whose lifetime is over do not count: RQ's counts remove them first. Their hashes are gone, or about to go. */
export const readCounts = async (
  redis: Redis,
  queue: string,
  tell: TellWrongType,
): Promise<KnownCounts> => {
  const { seconds } = await readServerClock(redis);
  const replies = await redis
    .pipeline()
    .llen(keys.queue(queue))
    .zcard(keys.wip(queue))
    .zcard(keys.finished(queue))
    .zcard(keys.failed(queue))
    .zcard(keys.scheduled(queue))
    .zcard(keys.deferred(queue))
    .zcard(keys.canceled(queue))
    .zcount(keys.finished(queue), 0, seconds)
    .zcount(keys.failed(queue), 0, seconds)
    .exec();
  const [queued, started, finished, failed, scheduled, deferred, canceled, gone, forgotten] = (
    replies ?? []
  ).map((reply) => replyOr(reply, null, tell)) as KnownNumbers;
  return {
    queued,
    started,
    finished: without(finished, gone),
    failed: without(failed, forgotten),
    scheduled,
    deferred,
    canceled,
  };
};

/** How many jobs have failed in these queues; entries whose lifetime is over do not count. @throws WrongKeyTypeError */
export const countFailed = async (redis: Redis, queues: readonly string[]): Promise<number> => {
  const { seconds } = await readServerClock(redis);
  const counts = await Promise.all(
    queues.map(keys.failed).flatMap((key) => [
      redis.zcount(key, `(${seconds}`, '+inf'),
      // Kept for ever.
      redis.zcount(key, '-inf', '(0'),
    ]),
  );
  return counts.reduce((sum, count) => sum + count, 0);
};

type Known = number | null;
type KnownNumbers = [Known, Known, Known, Known, Known, Known, Known, Known, Known];

const without = (all: Known, over: Known): Known =>
  all === null || over === null ? null : all - over;
