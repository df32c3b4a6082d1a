import type { Redis } from 'ioredis';
import { SlotConnection } from './slot-connection.js';

/** What stands before every key on this connection: nothing, but on a cluster. For what Redis does not take for keys. */
export const tagOf = (redis: Redis): string => (redis instanceof SlotConnection ? redis.tag : '');

/** The space of a cluster that a connection is for; `null` on a single Redis. */
export const spaceOf = (redis: Redis): string | null =>
  redis instanceof SlotConnection ? redis.space : null;

/** A key as Redis gave it, without that. */
export const plainKey = (redis: Redis, key: Buffer): Buffer =>
  key.subarray(Buffer.byteLength(tagOf(redis)));

/** A text as a glob that matches nothing else. */
export const asPattern = (text: string): string => text.replace(/[*?[\]\\^]/g, '\\$&');

/**
 * Names of keys that match, a page at a time; some may come twice. On a cluster those of the space, of which Redis looks at
 * all keys of the node.
 *
 * @throws Error beginning with TRYAGAIN when the slot moved meanwhile: what was found is not all
 */
export const scanKeys = async function* (
  redis: Redis,
  pattern: string,
  count: number,
): AsyncGenerator<Buffer[]> {
  const matching = asPattern(tagOf(redis)) + pattern;
  let cursor = '0';
  const node = await nodeOf(redis);
  do {
    const args = [cursor, 'MATCH', matching, 'COUNT', count];
    const [next, names] = (await redis.callBuffer('SCAN', ...args)) as [Buffer, Buffer[]];
    cursor = String(next);
    if ((await nodeOf(redis)) !== node) throw new Error('TRYAGAIN the slot moved during the scan');
    yield names.map((name) => plainKey(redis, name));
  } while (cursor !== '0');
};

// SCAN names no key, so that nothing leads it to the node of the slot. This does.
const nodeOf = async (redis: Redis): Promise<string> => {
  if (!(redis instanceof SlotConnection)) return '';
  await redis.exists('');
  return redis.node;
};
