import type { Redis } from 'ioredis';
import { type Casualty, recoverWithCasualties } from '../redis/casualties.js';
import type { WireSettings } from '../redis/transitions/queue-keys.js';
import type { OverdueLease } from '../redis/transitions/recover.js';

/** Takes jobs away from the dead. */
export type Rescue = (queue: string, overdue: readonly OverdueLease[]) => Promise<void>;

/** A worker's: it hears of the jobs that failed by it. */
export const rescueFor =
  (redis: Redis, wire: WireSettings, onCasualty: (casualty: Casualty) => void): Rescue =>
  async (queue, overdue) => {
    for (const casualty of await recoverWithCasualties(redis, queue, overdue, wire))
      onCasualty(casualty);
  };
