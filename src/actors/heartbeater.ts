import type { WorkerRecord } from '../redis/transitions/worker-life.js';
import type { ActorSpec } from './kernel/behavior.js';

export type HeartbeaterMessage = { kind: 'look' };

export interface HeartbeaterSettings {
  record: WorkerRecord;
  beat(record: WorkerRecord): Promise<void>;
  /** What the worker is doing now. */
  state(): WorkerRecord['state'];
  /** The job to be shown as the current one; `null` for none. */
  currentJob(): string | null;
  everyMs: number;
  onTrouble(error: unknown): void;
}

// Busy and idle may change a thousand times a second: what holds when we look is told.
const lookEveryMs = 1_000;

/**
 * Keeps the worker's own record alive, so that `rq info` shows it. The jobs' leases are kept by the streams
 * below: they must go on even while this actor waits for Redis.
 */
export const heartbeater = (settings: HeartbeaterSettings): ActorSpec<HeartbeaterMessage> => ({
  name: 'heartbeater',
  mailbox: { capacity: 16, overflow: 'dropOldest' },
  shutdownMs: 500,
  behavior: (context) => {
    let told = settings.record.state;
    // Counted in looks: the clock of the system may be set back, and the record must not run out.
    let silentMs = 0;
    let shown: string | null = null;
    let held: { jobId: string | null; forMs: number } = { jobId: null, forMs: 0 };
    return {
      started: () => {
        context.every(lookEveryMs, { kind: 'look' });
      },
      receive: async () => {
        const state = settings.state();
        silentMs += lookEveryMs;
        const jobId = settings.currentJob();
        held = { jobId, forMs: held.jobId === jobId ? held.forMs + lookEveryMs : 0 };
        // One that is not there at the next look was over before anybody could have looked at it.
        const current =
          jobId !== null && held.forMs > 0 ? { jobId, workingSeconds: held.forMs / 1_000 } : null;
        const isShown = state === told && (current?.jobId ?? null) === shown;
        if (isShown && silentMs < settings.everyMs) return;
        try {
          await settings.beat({ ...settings.record, state, current });
          told = state;
          shown = current?.jobId ?? null;
          silentMs = 0;
        } catch (error) {
          settings.onTrouble(error);
        }
      },
    };
  },
});
