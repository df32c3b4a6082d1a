import type { Look } from '../redis/transitions/tick.js';
import type { ActorSpec } from './kernel/behavior.js';

export type SchedulerMessage = { kind: 'look' };

export interface SchedulerSettings {
  /** Keeps or takes the locks, and moves what is due. */
  look(renew: boolean): Promise<Look>;
  /** Between two looks at most, in milliseconds: a job may be scheduled at any time. RQ: a second. */
  everyMs: number;
  /** Between two looks while every queue is another scheduler's, in milliseconds. */
  elsewhereEveryMs: number;
  /** How often the locks are renewed, in milliseconds: well before they run out. */
  renewEveryMs: number;
  /** Monotonic. */
  nowMs(): number;
  onTrouble(error: unknown): void;
}

/** A fault is told so often. */
const faultTellMs = 60_000;

/**
 * Moves scheduled jobs to their queues when they are due: those that a producer scheduled, and retries and repeats
 * with a pause. One look over all queues says when the next job is due; the next look comes then, or after a second,
 * because somebody may have scheduled another one meanwhile.
 */
export const scheduler = (settings: SchedulerSettings): ActorSpec<SchedulerMessage> => ({
  name: 'scheduler',
  mailbox: { capacity: 16, overflow: 'dropOldest' },
  shutdownMs: 500,
  behavior: (context) => {
    let renewedMs = Number.NEGATIVE_INFINITY;
    const toldMs = new Map<string, number>();

    const tell = (fault: string): void => {
      const nowMs = settings.nowMs();
      if (nowMs - (toldMs.get(fault) ?? Number.NEGATIVE_INFINITY) < faultTellMs) return;
      toldMs.set(fault, nowMs);
      settings.onTrouble(new Error(fault));
    };

    const look = async (): Promise<number> => {
      const nowMs = settings.nowMs();
      const renew = nowMs - renewedMs >= settings.renewEveryMs;
      try {
        const { nextDueMs, held, faults } = await settings.look(renew);
        if (renew) renewedMs = nowMs;
        for (const fault of faults) tell(fault);
        if (held === 0) return settings.elsewhereEveryMs;
        return Math.min(nextDueMs ?? settings.everyMs, settings.everyMs);
      } catch (error) {
        settings.onTrouble(error);
        return settings.everyMs;
      }
    };

    return {
      started: () => {
        context.schedule(0, { kind: 'look' });
      },
      receive: async () => {
        context.schedule(await look(), { kind: 'look' });
      },
    };
  },
});
