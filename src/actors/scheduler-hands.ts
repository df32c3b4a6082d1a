import type { Redis } from 'ioredis';
import type { WireSettings } from '../redis/transitions/queue-keys.js';
import { releaseLocks, schedulerName, tick } from '../redis/transitions/tick.js';
import type { SchedulerSettings } from './scheduler.js';

/** What a scheduler needs of Redis; all by one name, new for each start. */
export interface SchedulerHands extends Pick<SchedulerSettings, 'look'> {
  /** Moves all that are due now: a burst takes them before it begins. */
  moveAllDue(): Promise<void>;
  /** Gives the locks back. A look after that would take them again. */
  release(): Promise<void>;
}

export const schedulerHands = (
  redis: Redis,
  queues: readonly string[],
  wire: WireSettings,
): SchedulerHands => {
  const name = schedulerName();
  const look = (renew: boolean) => tick(redis, name, queues, renew, wire);
  return {
    look,
    moveAllDue: async () => {
      while ((await look(true)).nextDueMs === 0);
    },
    release: () => releaseLocks(redis, name, queues),
  };
};

/** How often it looks. */
export const schedulerTimes: Pick<
  SchedulerSettings,
  'everyMs' | 'elsewhereEveryMs' | 'renewEveryMs'
> = { everyMs: 1_000, elsewhereEveryMs: 5_000, renewEveryMs: 20_000 };
