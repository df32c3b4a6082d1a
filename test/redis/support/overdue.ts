import type { Redis } from 'ioredis';
import { type OverdueLease, suspectsIn } from '../../../src/redis/transitions/recover.js';

/** The executions of one queue that look abandoned. */
export const overdueIn = async (redis: Redis, queue: string): Promise<OverdueLease[]> => {
  const [suspects] = await suspectsIn(redis, [queue]);
  if (!suspects || suspects instanceof Error) throw suspects ?? new Error(`No look at ${queue}`);
  return suspects.overdue;
};
