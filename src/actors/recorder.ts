import type { ClaimedJob, Settlement, Verdict } from '../redis/transitions/settlement.js';
import type { Begun, Ended } from './executor/executor.js';
import type { ActorSpec } from './kernel/behavior.js';
import type { Outcome } from './outcome.js';
import { settlementOf } from './settlement-of.js';

/** A job that is over, and what Redis made of its outcome. */
export interface Settled {
  job: ClaimedJob;
  outcome: Outcome;
  verdict: Verdict;
  tookMs: number;
}

export type RecorderMessage =
  | { kind: 'begun'; begun: readonly Begun[] }
  | { kind: 'ended'; ended: readonly Ended[] };

/** The recorder's way to Redis: the intake's, so that outcomes leave together with the next claim. */
export interface Pen {
  reportBegun(job: ClaimedJob, beganAtMs: number): void;
  settle(settlement: Settlement): Promise<Verdict>;
  /** Lets go of the lease. Whether it was ever extended. */
  release(execution: string): boolean;
}

/** A job that this worker cannot run is kept this long, and longer each time, so that others may come first. */
const passPauseMs = 100;

/** The one pen: whatever became of a job, it is written here and nowhere else. */
export const recorder = (
  pen: Pen,
  onSettled: (settled: Settled) => void,
): ActorSpec<RecorderMessage> => ({
  name: 'recorder',
  // Outcomes must not be dropped; there can be no more of them than jobs that are held.
  mailbox: { capacity: 1_000_000, overflow: 'reject' },
  behavior: () => {
    const reported = new Set<string>();

    const settle = (job: ClaimedJob, { outcome, beganAtMs, tookMs }: Ended): void => {
      const wasReported = reported.delete(job.execution);
      const settlement = {
        job,
        beganAtMs: job.started || wasReported ? null : beganAtMs,
        tookMs,
        heartbeaten: pen.release(job.execution),
        end: settlementOf(outcome),
      };
      void pen.settle(settlement).then((verdict) => onSettled({ job, outcome, verdict, tookMs }));
    };

    return (message) => {
      if (message.kind === 'begun') {
        for (const { job, beganAtMs } of message.begun as ReadonlyArray<
          Begun & { job: ClaimedJob }
        >) {
          if (job.started) continue;
          reported.add(job.execution);
          pen.reportBegun(job, beganAtMs);
        }
        return;
      }
      for (const ended of message.ended) {
        const job = ended.job as ClaimedJob;
        if (ended.outcome.kind === 'unknownHandler')
          setTimeout(() => settle(job, ended), passPauseMs * 2 ** Math.min(job.attempt, 5));
        else settle(job, ended);
      }
    };
  },
});
