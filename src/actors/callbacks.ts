import type { CallbackMoment } from '../redis/callbacks.js';
import type { ClaimedJob, Verdict } from '../redis/transitions/settlement.js';
import { CallbackFailedError, CallbackIgnoredError } from './errors.js';
import type { Ended } from './executor/executor.js';
import type { CallbackToRun } from './job-to-run.js';
import type { Outcome } from './outcome.js';

/** A job on its way to an executor for a second time, for its callback. */
export type CalledJob = ClaimedJob & { readonly callback: CallbackToRun };

/** The jobs' callbacks, as the recorder sees them: another run, whose end decides or follows the job's own. */
export interface CallbackDoors {
  /** Has the callback run by an executor; its end comes back like that of any job. `isLate`: that was settled before. */
  run(job: CalledJob, isLate: boolean): void;
  /** Nothing more is to be run for this execution. */
  done(execution: string): void;
  onTrouble(error: unknown): void;
}

/**
 * Runs callbacks between the end of a job and its settlement. RQ: `Worker.perform_job`. A success callback that fails
 * fails the job; of a failure callback and a stopped one, what goes wrong is told.
 */
export class Callbacks {
  /** What the jobs said whose callbacks run. */
  private readonly waiting = new Map<string, { ended: Ended; moment: CallbackMoment }>();
  /** Names of Python's that no handler has; each is told once. */
  private readonly ignored = new Set<string>();

  constructor(private readonly doors: CallbackDoors) {}

  /** What is to be settled now; `null` when a callback comes first, or when all of it was settled before. */
  next(ended: Ended): Ended | null {
    const called = ended.job.callback ? (ended.job as CalledJob) : null;
    return this.ready(called ? this.answered(called, ended.outcome) : this.call(ended));
  }

  /** Nobody can run the callback any more: the worker is leaving. */
  giveUp(job: CalledJob): Ended | null {
    return this.ready(
      this.answered(job, { kind: 'notBegun', reason: 'the worker is leaving' }, true),
    );
  }

  /** The job was settled: a stopped one, and one that nobody could begin, has its callback only now. */
  settled(job: ClaimedJob, outcome: Outcome, verdict: Verdict): void {
    if (outcome.kind === 'unknownHandler' && verdict === 'quarantined') this.fell(job, outcome);
    if (!awaitsVerdict(job, outcome)) return;
    if (verdict !== 'stopped' || !this.run(job, 'stopped', { result: null, error: null }, true))
      this.doors.done(job.execution);
  }

  /** The job failed without having run here, or at all. */
  fell(job: ClaimedJob, outcome: Outcome): void {
    if (!this.run(job, 'failure', { result: null, error: errorOf(outcome) }, true))
      this.doors.done(job.execution);
  }

  private ready(ended: Ended | null): Ended | null {
    if (ended && !awaitsVerdict(ended.job as ClaimedJob, ended.outcome))
      this.doors.done(ended.job.execution);
    return ended;
  }

  private call(ended: Ended): Ended | null {
    const { outcome } = ended;
    const job = ended.job as ClaimedJob;
    const moment = momentOf(outcome);
    if (moment === null) return ended;
    const result = outcome.kind === 'returned' ? outcome.result : null;
    const error = moment === 'failure' ? errorOf(outcome) : null;
    this.waiting.set(job.execution, { ended, moment });
    if (this.run(job, moment, { result, error })) return null;
    this.waiting.delete(job.execution);
    return ended;
  }

  private run(
    job: ClaimedJob,
    moment: CallbackMoment,
    given: Pick<CallbackToRun, 'result' | 'error'>,
    isLate = false,
  ): boolean {
    const callback = job.afterwards?.callbacks?.[moment];
    if (!callback || (callback.isPython && this.ignored.has(callback.name))) return false;
    const { name, timeoutMs } = callback;
    const called = { ...job, started: true, timeoutMs, callback: { moment, name, ...given } };
    this.doors.run(called, isLate);
    return true;
  }

  private answered(job: CalledJob, outcome: Outcome, isFinal = false): Ended | null {
    const { moment, name } = job.callback;
    if (outcome.kind === 'notBegun' && !isFinal) {
      // Its executor was replaced, or is busy with a long job.
      this.doors.run(job, !this.waiting.has(job.execution));
      return null;
    }
    const held = this.waiting.get(job.execution);
    this.waiting.delete(job.execution);
    if (outcome.kind === 'unknownHandler' && job.afterwards?.callbacks?.[moment]?.isPython) {
      if (!this.ignored.has(name))
        this.doors.onTrouble(new CallbackIgnoredError(job.jobId, moment, name));
      this.ignored.add(name);
    } else if (moment === 'success' && held && outcome.kind !== 'returned') {
      const failing = failedBy(outcome, name);
      // RQ: a failing success callback fails the job, with its failure callback.
      return this.call({ ...held.ended, outcome: failing });
    } else if (outcome.kind !== 'returned') {
      const why = errorOf(outcome).message;
      this.doors.onTrouble(new CallbackFailedError(job.jobId, moment, name, why));
    }
    if (held) return held.ended;
    this.doors.done(job.execution);
    return null;
  }
}

const awaitsVerdict = ({ afterwards }: ClaimedJob, outcome: Outcome): boolean =>
  outcome.kind === 'stopped' &&
  outcome.reason === 'byUser' &&
  afterwards?.callbacks?.stopped !== undefined;

const momentOf = (outcome: Outcome): CallbackMoment | null => {
  switch (outcome.kind) {
    case 'returned':
      return 'success';
    case 'threw':
      // A handler that asks for another run has not failed. RQ: a returned `Retry` calls nothing.
      return outcome.retryAsked ? null : 'failure';
    case 'timedOut':
    case 'died':
    case 'undecodable':
      return 'failure';
    case 'stopped':
      return outcome.reason === 'killed' ? 'failure' : null;
    default:
      return null;
  }
};

const failedBy = (outcome: Outcome, name: string): Outcome => {
  // Canceled, deleted, taken away, or never begun: then so was the job.
  if (outcome.kind === 'stopped' || outcome.kind === 'notBegun' || outcome.kind === 'died')
    return outcome;
  const { message, stack } = errorOf(outcome);
  const text = `success callback ${name} failed: ${message}`;
  const error = { name: 'CallbackError', message: text, stack: `${text}\n${stack}` };
  return {
    kind: 'threw',
    error,
    retryable: outcome.kind === 'threw' ? outcome.retryable : outcome.kind === 'timedOut',
  };
};

/** A failure as a failure callback gets it. */
const errorOf = (outcome: Outcome): { name: string; message: string; stack: string } => {
  const of = (name: string, message: string) => ({ name, message, stack: `${name}: ${message}` });
  switch (outcome.kind) {
    case 'threw':
      return outcome.error;
    case 'timedOut': {
      const seconds = Math.round(outcome.limitMs / 1000);
      return of('JobTimeoutException', `Task exceeded maximum timeout value (${seconds} seconds)`);
    }
    case 'died':
      return of('ExecutorDiedError', outcome.detail);
    case 'unknownHandler':
      return of(
        'NoHandlerError',
        `no handler ${JSON.stringify(outcome.functionName)} in this worker`,
      );
    case 'undecodable':
      return of('UndecodablePayloadError', outcome.cause);
    case 'stopped':
    case 'notBegun':
      return of('StoppedError', outcome.reason);
    case 'returned':
      return of('Error', 'it returned');
  }
};
