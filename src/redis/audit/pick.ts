import type { Redis } from 'ioredis';
import { isWrongType } from '../wrong-type.js';
import { bytes } from './chunks.js';

/** The keys that never expire. */
export const withoutEnd = (redis: Redis, names: readonly string[]): Promise<string[]> =>
  pick(redis, 'pttl', names, (ttl) => ttl === -1);

/** The names for which one command answers so; a key of a wrong type is left to others. */
export const pick = async (
  redis: Redis,
  command: string,
  names: readonly string[],
  holds: (reply: unknown) => boolean,
): Promise<string[]> => {
  const picked: string[] = [];
  for (let from = 0; from < names.length; from += 1_000) {
    const part = names.slice(from, from + 1_000);
    const replies = (await redis.pipeline(part.map((name) => [command, bytes(name)])).exec()) ?? [];
    part.forEach((name, at) => {
      const [error, reply] = replies[at] ?? [null, null];
      if (error && !isWrongType(error)) throw error;
      if (!error && holds(reply)) picked.push(name);
    });
  }
  return picked;
};
