import type { OverdueLease, RecoverVerdict } from '../redis/transitions/recover.js';
import type { ActorSpec } from './kernel/behavior.js';

export type JanitorMessage = { kind: 'look' } | { kind: 'clean' };

/** What the janitor needs of Redis, for one queue. */
export interface JanitorHands {
  overdue(queue: string): Promise<OverdueLease[]>;
  recover(queue: string, overdue: readonly OverdueLease[]): Promise<RecoverVerdict[]>;
  /** Ids in the in-flight list, oldest last. */
  inFlight(queue: string): Promise<Buffer[]>;
  recoverInFlight(queue: string, id: Buffer): Promise<boolean>;
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
  behavior: (context) => {
    let leases = new Map<string, { score: string; sinceMs: number }>();
    let inFlight = new Map<string, number>();

    // What was seen before and is unchanged since; the sightings that are new are remembered.
    const lookAtLeases = async (
      queue: string,
      seenNow: Map<string, { score: string; sinceMs: number }>,
    ): Promise<void> => {
      const nowMs = settings.nowMs();
      const over: OverdueLease[] = [];
      for (const lease of await hands.overdue(queue)) {
        const name = `${queue} ${lease.kind} ${lease.member.toString('hex')}`;
        const before = leases.get(name);
        const sinceMs = before?.score === lease.score ? before.sinceMs : nowMs;
        seenNow.set(name, { score: lease.score, sinceMs });
        if (nowMs - sinceMs >= settings.unchangedForMs) over.push(lease);
      }
      if (over.length > 0) await hands.recover(queue, over);
    };

    const lookAtInFlight = async (queue: string, seenNow: Map<string, number>): Promise<void> => {
      const nowMs = settings.nowMs();
      for (const id of await hands.inFlight(queue)) {
        const name = `${queue} ${id.toString('hex')}`;
        const sinceMs = inFlight.get(name) ?? nowMs;
        seenNow.set(name, sinceMs);
        if (nowMs - sinceMs >= settings.inFlightForMs) await hands.recoverInFlight(queue, id);
      }
    };

    return {
      started: () => {
        context.every(settings.lookEveryMs, { kind: 'look' });
        context.every(settings.cleanEveryMs, { kind: 'clean' });
      },
      receive: async (message) => {
        const leasesNow: typeof leases = new Map();
        const inFlightNow: typeof inFlight = new Map();
        for (const queue of settings.queues) {
          // One queue with a key of a wrong type must not keep the others from being looked after. What a failed
          // look saw is forgotten: Redis may have been away, and then nobody could have renewed anything.
          const seenLeases: typeof leases = new Map();
          const seenInFlight: typeof inFlight = new Map();
          try {
            if (message.kind === 'clean') {
              await hands.clean(queue);
              continue;
            }
            await lookAtLeases(queue, seenLeases);
            await lookAtInFlight(queue, seenInFlight);
            for (const [name, seen] of seenLeases) leasesNow.set(name, seen);
            for (const [name, seen] of seenInFlight) inFlightNow.set(name, seen);
          } catch (error) {
            settings.onTrouble(error);
          }
        }
        if (message.kind === 'clean') return;
        leases = leasesNow;
        inFlight = inFlightNow;
      },
    };
  },
});
