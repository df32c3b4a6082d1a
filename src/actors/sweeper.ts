import type { Redis } from 'ioredis';
import { findStrays, notHeld, type Stray, takeSweep } from '../redis/strays.js';
import type { WireSettings } from '../redis/transitions/queue-keys.js';
import type { ActorSpec } from './kernel/behavior.js';
import type { Rescue } from './rescue.js';

export type SweeperMessage = { kind: 'sweep' } | { kind: 'confirm'; strays: readonly Stray[] };

/** What the sweeper needs of Redis. */
export interface Broom {
  /** Whether it is our turn. */
  take(): Promise<boolean>;
  find(signal: AbortSignal): Promise<readonly Stray[]>;
  /** Looks again, and brings back what is still nobody's. */
  bringBack(strays: readonly Stray[]): Promise<void>;
}

export interface SweeperSettings {
  firstAfterMs: number;
  everyMs: number;
  /** Between the two looks. */
  confirmAfterMs: number;
  onTrouble(error: unknown): void;
}

/**
 * Finds jobs that say they run and that no lease speaks for, which the janitor cannot see: cleaners of RQ 1.x drop the
 * leases of our dead workers and leave their jobs alone. One worker of a Redis does it, once an hour.
 */
export const sweeper = (broom: Broom, settings: SweeperSettings): ActorSpec<SweeperMessage> => ({
  name: 'sweeper',
  mailbox: { capacity: 4, overflow: 'dropOldest' },
  shutdownMs: 500,
  behavior: (context) => ({
    started: () => {
      context.schedule(settings.firstAfterMs, { kind: 'sweep' });
      context.every(settings.everyMs, { kind: 'sweep' });
    },
    receive: async (message) => {
      try {
        if (message.kind === 'confirm') {
          await broom.bringBack(message.strays);
        } else if (await broom.take()) {
          const strays = await broom.find(context.signal);
          if (strays.length > 0)
            context.schedule(settings.confirmAfterMs, { kind: 'confirm', strays });
        }
      } catch (error) {
        settings.onTrouble(error);
      }
    },
  }),
});

/** The sweeper's way to Redis. */
export const broomOf = (redis: Redis, wire: WireSettings, rescue: Rescue): Broom => ({
  take: () => takeSweep(redis),
  find: (signal) => findStrays(redis, wire.wideLeaseSeconds, signal),
  bringBack: async (strays) => {
    const still = await notHeld(redis, strays);
    for (const queue of new Set(still.map((stray) => stray.queue))) {
      const leases = still.filter((stray) => stray.queue === queue).map(({ lease }) => lease);
      await rescue(queue, leases);
    }
  },
});
