import type { Redis } from 'ioredis';
import { keys } from './keys.js';
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

/** In one round trip. */
export const readCounts = async (
  redis: Redis,
  queue: string,
  tell: TellWrongType,
): Promise<KnownCounts> => {
  const replies = await redis
    .pipeline()
    .llen(keys.queue(queue))
    .zcard(keys.wip(queue))
    .zcard(keys.finished(queue))
    .zcard(keys.failed(queue))
    .zcard(keys.scheduled(queue))
    .zcard(keys.deferred(queue))
    .zcard(keys.canceled(queue))
    .exec();
  const [queued, started, finished, failed, scheduled, deferred, canceled] = (replies ?? []).map(
    (reply) => replyOr(reply, null, tell),
  ) as [number, number, number, number, number, number, number];
  return { queued, started, finished, failed, scheduled, deferred, canceled };
};
