import type { InFlight, OverdueLease, Suspects } from '../redis/transitions/recover.js';
import type { ActorSpec } from './kernel/behavior.js';

export type JanitorMessage = { kind: 'look' } | { kind: 'clean' };

/** What the janitor needs of Redis. */
export interface JanitorHands {
  /** For each queue what it saw, or why it could not look. */
  look(queues: readonly string[]): Promise<Array<Suspects | Error>>;
  recover(queue: string, overdue: readonly OverdueLease[]): Promise<unknown>;
  recoverInFlight(queue: string, stay: InFlight): Promise<boolean>;
  /** Executions of jobs that have ended. */
  dropLeaks(queue: string): Promise<unknown>;
  /** Jobs that wait for others which have ended. See `deferredRounds`. */
  freeForgotten(queue: string): Promise<void>;
  /** Registries and leftovers, under RQ's lock. */
  clean(queue: string): Promise<void>;
  /** Slots of rate limits that nobody holds any more, whatever their queues. */
  sweepLimits(): Promise<void>;
}

export interface JanitorSettings {
  queues: readonly string[];
  lookEveryMs: number;
  /** Soon, as RQ's workers do: those that start often would else never clean. */
  firstCleanAfterMs: number;
  cleanEveryMs: number;
  /** A lease counts as over when it was seen unchanged for this long, by our own clock. */
  unchangedForMs: number;
  /** When Redis was away, the owners of leases may come back later than we do, by so much. */
  othersReturnWithinMs: number;
  /** An id counts as stuck in the in-flight list after this long. */
  inFlightForMs: number;
  nowMs(): number;
  onTrouble(error: unknown): void;
}

/** What was seen in one queue: a lease and its score, or an id in flight and when it was enqueued, and since when it is so. */
type Sightings = ReadonlyMap<string, { mark: string; sinceMs: number }>;

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
    let hasLooked = false;
    /** From when on a lease of a queue that stays unchanged says something of its owner. */
    const tellingFromMs = new Map<string, number>();

    const judge = async (
      queue: string,
      { overdue, inFlight, hasRunning, hasDeferred }: Suspects,
      before: Sightings | undefined,
    ): Promise<void> => {
      const now = new Map<string, { mark: string; sinceMs: number }>();
      const fromMs = tellingFromMs.get(queue) ?? 0;
      const unchangedMs = (name: string, mark: string): number => {
        const nowMs = settings.nowMs();
        const known = before?.get(name);
        const sinceMs = known?.mark === mark ? known.sinceMs : Math.max(nowMs, fromMs);
        now.set(name, { mark, sinceMs });
        return nowMs - sinceMs;
      };
      const over = overdue.filter(
        ({ kind, member, score }) =>
          unchangedMs(`${kind} ${member.toString('hex')}`, score) >= settings.unchangedForMs,
      );
      if (over.length > 0) await hands.recover(queue, over);
      for (const stay of inFlight) {
        const name = `in flight ${stay.id.toString('hex')}`;
        if (unchangedMs(name, stay.enqueuedAt) >= settings.inFlightForMs)
          await hands.recoverInFlight(queue, stay);
      }
      seen.set(queue, now);
      if (hasRunning) await hands.dropLeaks(queue);
      if (hasDeferred) await hands.freeForgotten(queue);
    };

    const look = async (): Promise<void> => {
      // What was seen before a look that fails is forgotten.
      const before = new Map(seen);
      seen.clear();
      const isFirst = !hasLooked;
      hasLooked = true;
      const all = await hands.look(settings.queues);
      await each(async (queue, index) => {
        const suspects = all[index] as Suspects | Error;
        if (suspects instanceof Error) throw suspects;
        if (!isFirst && !before.has(queue))
          tellingFromMs.set(queue, settings.nowMs() + settings.othersReturnWithinMs);
        await judge(queue, suspects, before.get(queue));
      });
    };

    // One queue with a key of a wrong type must not keep the others from being looked after.
    const each = async (see: (queue: string, index: number) => Promise<void>): Promise<void> => {
      for (const [index, queue] of settings.queues.entries()) {
        await see(queue, index).catch(settings.onTrouble);
      }
    };

    return {
      started: () => {
        context.every(settings.lookEveryMs, { kind: 'look' });
        context.schedule(settings.firstCleanAfterMs, { kind: 'clean' });
        context.every(settings.cleanEveryMs, { kind: 'clean' });
      },
      receive: async ({ kind }) => {
        if (kind === 'clean') {
          await each((queue) => hands.clean(queue));
          return;
        }
        await look().catch(settings.onTrouble);
        await hands.sweepLimits().catch(settings.onTrouble);
      },
    };
  },
});
