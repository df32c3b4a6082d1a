import type { OverdueLease, RecoverVerdict } from '../redis/transitions/recover.js';
import type { ActorSpec } from './kernel/behavior.js';

export type JanitorMessage = { kind: 'look' } | { kind: 'clean' };

/** What the janitor needs of Redis, for one queue. */
export interface JanitorHands {
  overdue(queue: string): Promise<OverdueLease[]>;
  recover(queue: string, overdue: readonly OverdueLease[]): Promise<RecoverVerdict[]>;
  /** Ids in the in-flight list, oldest first. */
  inFlight(queue: string): Promise<Buffer[]>;
  recoverInFlight(queue: string, id: Buffer): Promise<boolean>;
  /** Executions of jobs that have ended. */
  dropLeaks(queue: string): Promise<unknown>;
  /** Jobs that wait for others which have ended. See `deferredRounds`. */
  freeForgotten(queue: string): Promise<void>;
  /** Registries and leftovers, under RQ's lock. */
  clean(queue: string): Promise<void>;
}

export interface JanitorSettings {
  queues: readonly string[];
  lookEveryMs: number;
  cleanEveryMs: number;
  /** A lease counts as over when it was seen unchanged for this long, by our own clock. */
  unchangedForMs: number;
  /** An id counts as stuck in the in-flight list after this long. */
  inFlightForMs: number;
  nowMs(): number;
  onTrouble(error: unknown): void;
}

/** What was seen in one queue: a lease's score, or an id in flight, and since when it is so. */
type Sightings = ReadonlyMap<string, { score: string; sinceMs: number }>;

/**
 * Finds what dead workers left: leases that ran out, and ids in flight that nobody claims. It never believes one
 * look: the clock of Redis may have jumped, or Redis may have been away, and then nobody could have renewed
 * anything.
 */
export const janitor = (
  hands: JanitorHands,
  settings: JanitorSettings,
): ActorSpec<JanitorMessage> => ({
  name: 'janitor',
  mailbox: { capacity: 16, overflow: 'dropOldest' },
  shutdownMs: 500,
  behavior: (context) => {
    const seen = new Map<string, Sightings>();

    const look = async (queue: string): Promise<void> => {
      const before = seen.get(queue);
      // What a look that fails has seen is forgotten, as is everything that was seen before it.
      seen.delete(queue);
      const now = new Map<string, { score: string; sinceMs: number }>();
      const unchangedMs = (name: string, score: string): number => {
        const nowMs = settings.nowMs();
        const known = before?.get(name);
        const sinceMs = known?.score === score ? known.sinceMs : nowMs;
        now.set(name, { score, sinceMs });
        return nowMs - sinceMs;
      };
      const over = (await hands.overdue(queue)).filter(
        ({ kind, member, score }) =>
          unchangedMs(`${kind} ${member.toString('hex')}`, score) >= settings.unchangedForMs,
      );
      if (over.length > 0) await hands.recover(queue, over);
      for (const id of await hands.inFlight(queue)) {
        if (unchangedMs(`in flight ${id.toString('hex')}`, '') >= settings.inFlightForMs)
          await hands.recoverInFlight(queue, id);
      }
      seen.set(queue, now);
      await hands.dropLeaks(queue);
      await hands.freeForgotten(queue);
    };

    return {
      started: () => {
        context.every(settings.lookEveryMs, { kind: 'look' });
        context.every(settings.cleanEveryMs, { kind: 'clean' });
      },
      receive: async ({ kind }) => {
        for (const queue of settings.queues) {
          // One queue with a key of a wrong type must not keep the others from being looked after.
          try {
            await (kind === 'clean' ? hands.clean(queue) : look(queue));
          } catch (error) {
            settings.onTrouble(error);
          }
        }
      },
    };
  },
});
