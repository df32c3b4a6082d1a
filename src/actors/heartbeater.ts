import type { WorkerRecord } from '../redis/transitions/worker-life.js';
import type { ActorSpec } from './kernel/behavior.js';

export type HeartbeaterMessage = { kind: 'look' };

export interface HeartbeaterSettings {
  record: WorkerRecord;
  beat(record: WorkerRecord): Promise<void>;
  /** What the worker is doing now. */
  state(): WorkerRecord['state'];
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
    return {
      started: () => {
        context.every(lookEveryMs, { kind: 'look' });
      },
      receive: async () => {
        const state = settings.state();
        silentMs += lookEveryMs;
        if (state === told && silentMs < settings.everyMs) return;
        try {
          await settings.beat({ ...settings.record, state });
          told = state;
          silentMs = 0;
        } catch (error) {
          settings.onTrouble(error);
        }
      },
    };
  },
});
