import type { WorkerRecord } from '../redis/transitions/worker-life.js';
import type { ActorSpec } from './kernel/behavior.js';

export type HeartbeaterMessage = { kind: 'beat' } | { kind: 'state'; state: WorkerRecord['state'] };

export interface HeartbeaterSettings {
  record: WorkerRecord;
  beat(record: WorkerRecord): Promise<void>;
  everyMs: number;
  onTrouble(error: unknown): void;
}

/**
 * Keeps the worker's own record alive, so that `rq info` shows it. The jobs' leases are kept by the streams
 * below: they must go on even while this actor waits for Redis.
 */
export const heartbeater = (settings: HeartbeaterSettings): ActorSpec<HeartbeaterMessage> => ({
  name: 'heartbeater',
  mailbox: { capacity: 64, overflow: 'dropOldest' },
  behavior: (context) => {
    let { record } = settings;
    let told = record.state;
    return {
      started: () => {
        context.every(settings.everyMs, { kind: 'beat' });
      },
      receive: async (message) => {
        if (message.kind === 'state') {
          record = { ...record, state: message.state };
          // Busy and idle may change a thousand times a second; what stays for a while is told.
          if (record.state !== told) context.schedule(1_000, { kind: 'beat' });
          return;
        }
        try {
          await settings.beat(record);
          told = record.state;
        } catch (error) {
          settings.onTrouble(error);
        }
      },
    };
  },
});
