import type { Redis } from 'ioredis';
import { keys } from '../../../src/redis/keys.js';

/** Every place of a queue in which an id may be, with the ids that are there. */
export async function placesOf(redis: Redis, queue: string): Promise<Map<string, string[]>> {
  const wip = await redis.zrange(keys.wip(queue), '0', '-1');
  return new Map([
    ['queue', await redis.lrange(keys.queue(queue), 0, -1)],
    ['intermediate', await redis.lrange(keys.intermediate(queue), 0, -1)],
    ['wip', wip.map((member) => member.split(':')[0] as string)],
    ['finished', await redis.zrange(keys.finished(queue), '0', '-1')],
    ['failed', await redis.zrange(keys.failed(queue), '0', '-1')],
    ['canceled', await redis.zrange(keys.canceled(queue), '0', '-1')],
  ]);
}

/** Ids that are in no place, or in several. Empty when every job is exactly once somewhere. */
export async function misplaced(
  redis: Redis,
  queue: string,
  ids: readonly string[],
): Promise<string[]> {
  const found = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const [place, there] of await placesOf(redis, queue)) {
    for (const id of there) found.get(id)?.push(place);
  }
  return [...found]
    .filter(([, places]) => places.length !== 1)
    .map(([id, places]) => `${id}: ${places.join(' and ') || 'nowhere'}`);
}
