import type { Redis } from 'ioredis';
import { longestPauseMs } from '../redis/connection.js';
import { cleanQueue } from '../redis/maintenance.js';
import { sweepLimits } from '../redis/rate-limits.js';
import {
  drainReady,
  findStuck,
  freeMore,
  freeStuck,
} from '../redis/transitions/free-dependents.js';
import type { WireSettings } from '../redis/transitions/queue-keys.js';
import {
  dropLeaks,
  inFlightForMs,
  recoverIntermediate,
  suspectsIn,
} from '../redis/transitions/recover.js';
import { deferredRounds } from './deferred-rounds.js';
import type { JanitorHands, JanitorSettings } from './janitor.js';
import type { Rescue } from './rescue.js';

const cleanEveryMs = 600_000;

/** The janitor's way to Redis. */
export const janitorHands = (redis: Redis, wire: WireSettings, rescue: Rescue): JanitorHands => ({
  look: (queues) => suspectsIn(redis, queues),
  recover: rescue,
  recoverInFlight: (queue, stay) => recoverIntermediate(redis, queue, stay, wire),
  dropLeaks: (queue) => dropLeaks(redis, queue),
  freeForgotten: deferredRounds(
    {
      freeMore: () => freeMore(redis, wire),
      drainReady: (queue) => drainReady(redis, queue, wire),
      findStuck: (queue, cursor) => findStuck(redis, queue, cursor),
      freeStuck: (queue, ids) => freeStuck(redis, queue, ids, wire),
    },
    { forgottenForMs: janitorTimes(wire).inFlightForMs, nowMs: () => performance.now() },
  ),
  clean: async (queue) => {
    await cleanQueue(redis, queue);
  },
  sweepLimits: async () => {
    await sweepLimits(redis, wire);
  },
});

/** How often it looks and how long it waits: all follow from the lease that workers promise to renew. */
export const janitorTimes = ({
  narrowLeaseMs,
}: WireSettings): Pick<
  JanitorSettings,
  | 'lookEveryMs'
  | 'firstCleanAfterMs'
  | 'cleanEveryMs'
  | 'unchangedForMs'
  | 'othersReturnWithinMs'
  | 'inFlightForMs'
> => ({
  lookEveryMs: narrowLeaseMs / 8,
  firstCleanAfterMs: narrowLeaseMs / 8,
  cleanEveryMs,
  // A heartbeat and a little: a living owner has renewed by then.
  unchangedForMs: narrowLeaseMs / 4 + Math.min(1_000, narrowLeaseMs / 20),
  othersReturnWithinMs: longestPauseMs,
  inFlightForMs: inFlightForMs({ narrowLeaseMs }),
});
