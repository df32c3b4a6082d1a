import type { Redis } from 'ioredis';
import { judgeDurability } from '../redis/doctor/judge-keeping.js';
import { readFacts } from '../redis/doctor/read-server.js';
import { NotDurableError } from './errors.js';

/** What a worker does about a Redis that may lose jobs: say so, refuse to start, or not look. */
export const durabilities = ['warn', 'require', 'ignore'] as const;
export type Durability = (typeof durabilities)[number];

/**
 * Looks once at persistence and eviction, by the doctor's rules. With `warn` it resolves at once, and what is found, or
 * that it may not look, is told when it is known.
 *
 * @throws with `require`: NotDurableError; what Redis throws
 */
export const heedDurability = async (
  redis: Redis,
  durability: Durability,
  tell: (error: unknown) => void,
): Promise<void> => {
  if (durability === 'ignore') return;
  const looked = look(redis);
  if (durability === 'require') await looked;
  else looked.catch(tell);
};

const look = async (redis: Redis): Promise<void> => {
  const found = judgeDurability(await readFacts(redis)).filter(({ level }) => level !== 'ok');
  if (found.length > 0) throw new NotDurableError(found);
};
