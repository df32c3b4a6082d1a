import type { ClaimedJob, Settlement, Verdict } from '../redis/transitions/settlement.js';
import { type CallbackDoors, Callbacks, type CalledJob } from './callbacks.js';
import type { Begun, Ended } from './executor/executor.js';
import type { ActorContext, ActorSpec, TimerHandle } from './kernel/behavior.js';
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
  | { kind: 'ended'; ended: readonly Ended[] }
  /** A job failed, and nobody here ran it. */
  | { kind: 'fell'; job: ClaimedJob; outcome: Outcome }
  /** A callback that nobody will run: the worker is leaving. */
  | { kind: 'uncalled'; job: CalledJob }
  /** The pause of a parked job is over. */
  | { kind: 'pass'; execution: string }
  /** The worker is leaving: nothing is parked any longer. */
  | { kind: 'hurry' };

/** The recorder's way to Redis: the intake's, so that outcomes leave together with the next claim. */
export interface Pen {
  reportBegun(job: ClaimedJob, beganAtMs: number): void;
  /** Tells what Redis made of it, however long that takes. */
  settle(settlement: Settlement, onVerdict: (verdict: Verdict) => void): void;
  /** Lets go of the lease. Whether it was ever extended. */
  release(execution: string): boolean;
}

export interface RecorderEvents extends Pick<CallbackDoors, 'onTrouble'> {
  /** A job has a callback, which an executor is to run. `isLate`: it was settled before, or never in hand. */
  onCallback(job: CalledJob, isLate: boolean): void;
  /** A job that may have had callbacks needs its executor no more. */
  onCalledBack(execution: string): void;
  onSettled(settled: Settled): void;
  /** So many jobs are parked: in hand, but in nobody's way. */
  onParked(count: number): void;
}

/** A job that this worker has no handler for is kept this long, and longer each time, so that others come first. */
const passPauseMs = 100;
const longestPassPauseMs = 3_200;
/** More are not kept, or a queue full of jobs for others would all be drawn here. */
const mostParked = 64;

/** The one pen: whatever became of a job, it is written here and nowhere else. */
export const recorder = (pen: Pen, events: RecorderEvents): ActorSpec<RecorderMessage> => ({
  name: 'recorder',
  // Outcomes must not be dropped; there can be no more of them than jobs that are held.
  mailbox: { capacity: 1_000_000, overflow: 'reject' },
  behavior: (context) => new Recorder(context, pen, events),
});

class Recorder {
  /** Executions whose begin was told to Redis apart from their end. */
  private readonly reported = new Set<string>();
  private readonly parked = new Map<string, { ended: Ended; timer: TimerHandle }>();
  private readonly callbacks: Callbacks;
  private isHurrying = false;

  constructor(
    private readonly context: ActorContext<RecorderMessage>,
    private readonly pen: Pen,
    private readonly events: RecorderEvents,
  ) {
    this.callbacks = new Callbacks({
      run: (job, isLate) => events.onCallback(job, isLate),
      done: (execution) => events.onCalledBack(execution),
      onTrouble: (error) => events.onTrouble(error),
    });
  }

  receive(message: RecorderMessage): void {
    switch (message.kind) {
      case 'begun':
        for (const begun of message.begun) this.begun(begun);
        return;
      case 'ended':
        this.ended(this.afterCallbacks(message.ended));
        return;
      case 'fell':
        this.callbacks.fell(message.job, message.outcome);
        return;
      case 'uncalled':
        this.ended([this.callbacks.giveUp(message.job)].filter((ended) => ended !== null));
        return;
      case 'pass':
        this.unpark(message.execution);
        return;
      case 'hurry':
        this.isHurrying = true;
        for (const execution of [...this.parked.keys()]) this.unpark(execution);
        return;
    }
  }

  private begun({ job, beganAtMs }: Begun): void {
    const claimed = claimedJobOf(job);
    if (claimed.started) return;
    this.reported.add(claimed.execution);
    this.pen.reportBegun(claimed, beganAtMs);
  }

  // Nearly all jobs have no callbacks: their batch is passed on as it is.
  private afterCallbacks(batch: readonly Ended[]): readonly Ended[] {
    if (!batch.some(({ job }) => claimedJobOf(job).afterwards?.callbacks)) return batch;
    return batch.flatMap((ended) => {
      const job = claimedJobOf(ended.job);
      if (!job.afterwards?.callbacks) return [ended];
      const due = this.callbacks.next(ended);
      // While its callback runs it is a started job, whatever it was held as.
      if (
        !due &&
        !ended.job.callback &&
        ended.beganAtMs !== null &&
        !this.reported.has(job.execution)
      )
        this.begun({ job, beganAtMs: ended.beganAtMs });
      return due ? [due] : [];
    });
  }

  private ended(batch: readonly Ended[]): void {
    let back = 0;
    for (const ended of batch) {
      if (goesBack(ended.outcome)) back += 1;
      else if (ended.outcome.kind === 'unknownHandler') this.park(ended);
      else this.settle(ended);
    }
    // Each goes to the head of its queue: the first must be the last to go, or their order is reversed.
    for (let at = batch.length - 1; back > 0; at--) {
      const ended = batch[at] as Ended;
      if (!goesBack(ended.outcome)) continue;
      back -= 1;
      this.settle(ended);
    }
  }

  private park(ended: Ended): void {
    const { attempt, execution } = claimedJobOf(ended.job);
    if (this.isHurrying) {
      this.settle(ended);
      return;
    }
    const pauseMs = Math.min(longestPassPauseMs, passPauseMs * 2 ** attempt);
    const timer = this.context.schedule(pauseMs, { kind: 'pass', execution });
    this.parked.set(execution, { ended, timer });
    this.events.onParked(Math.min(this.parked.size, mostParked));
  }

  private unpark(execution: string): void {
    const parked = this.parked.get(execution);
    if (!parked) return;
    parked.timer.cancel();
    this.parked.delete(execution);
    // In the same turn: until the job has left, its place must not be given away a second time.
    this.settle(parked.ended);
    this.events.onParked(Math.min(this.parked.size, mostParked));
  }

  private settle({ job, outcome, beganAtMs, tookMs }: Ended): void {
    const claimed = claimedJobOf(job);
    const wasReported = this.reported.delete(claimed.execution);
    const settlement = {
      job: claimed,
      beganAtMs: claimed.started || wasReported ? null : beganAtMs,
      tookMs,
      heartbeaten: this.pen.release(claimed.execution),
      end: settlementOf(outcome),
    };
    this.pen.settle(settlement, (verdict) => {
      if (claimed.afterwards?.callbacks) this.callbacks.settled(claimed, outcome, verdict);
      this.events.onSettled({ job: claimed, outcome, verdict, tookMs });
    });
  }
}

const goesBack = (outcome: Outcome): boolean =>
  outcome.kind === 'notBegun' ||
  (outcome.kind === 'stopped' && outcome.reason !== 'byUser' && outcome.reason !== 'killed');

// Executors know less of a job than its claim does, but they give back the very object that they were given.
const claimedJobOf = (job: Begun['job']): ClaimedJob => job as ClaimedJob;
