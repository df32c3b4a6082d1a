import type { LogLevel } from '../../tasks.js';
import type { JobToRun } from '../job-to-run.js';
import type { Outcome } from '../outcome.js';

/** Why we end a job that could go on. */
export type StopReason = Extract<Outcome, { kind: 'stopped' }>['reason'];

/** A job whose handler has begun and that was still running when the news left. */
export interface Begun {
  readonly job: JobToRun;
  /** On the parent's `performance.now()`. */
  readonly beganAtMs: number;
}

/** A job that is over, for the executor: whatever happened, each job given to `run` gets one. */
export interface Ended {
  readonly job: JobToRun;
  readonly outcome: Outcome;
  /** On the parent's `performance.now()`; `null` when the handler never began. */
  readonly beganAtMs: number | null;
  /** How long the handler ran; 0 when it never began. */
  readonly tookMs: number;
}

/** What a running job said of itself. Only what is new is present. */
export interface Note {
  /** The newest value given to `job.progress`, as JSON text. */
  readonly progress?: string;
  readonly log?: readonly (readonly [level: LogLevel, line: string])[];
  /** Log lines that the rate limit dropped since the last note. */
  readonly dropped?: number;
  /** `meta` in the bytes of the job's serializer. */
  readonly meta?: Buffer;
}

/** How an executor left. */
export interface ExecutorExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Whether it went because it was asked to, after answering for all its jobs. */
  readonly isClean: boolean;
  /** What is known of an end that was not clean; else empty. */
  readonly detail: string;
}

/** All are called from the executor's own event handlers, so they must be quick and must not throw. */
export interface ExecutorEvents {
  onBegun?(begun: readonly Begun[]): void;
  onEnded(ended: readonly Ended[]): void;
  onNote?(job: JobToRun, note: Note): void;
  /** Text that handlers wrote to stdout or stderr; `job` is a good guess, `null` between jobs. */
  onOutput?(job: JobToRun | null, stream: 'stdout' | 'stderr', text: string): void;
  /** No further jobs, please: the child leaves once the running one has ended. Comes at most once. */
  onLeaving?(reason: string): void;
  /** The last event: every job has had its outcome before. */
  onExit?(exit: ExecutorExit): void;
}

/**
 * Runs jobs that were claimed already. A child process and this process satisfy it alike; the pool
 * that owns executors decides how many jobs each holds, and what to do when one exits.
 */
export interface Executor {
  /** How many handlers run at the same time: 1 in a child. */
  readonly concurrency: number;
  /** Resolves with the names of the handlers once jobs may come. @throws ExecutorStartError */
  start(): Promise<readonly string[]>;
  /** Hands jobs over; they begin in order. Jobs given to an executor that has left are `notBegun`. */
  run(jobs: readonly JobToRun[]): void;
  /**
   * Ends one job, begun or not: abort signal first, force later where there is force. `killed` is force at once,
   * for a job that has begun; where there is none it is the abort signal.
   */
  cancel(execution: string, reason: StopReason): void;
  /** Jobs that have not begun come back as `notBegun`, but from a child without a watchdog. The running ones go on. */
  takeBack(reason: string): void;
  /** No more begin than were handed to a child without a watchdog; the running ones have `graceMs`, then they are stopped. Never rejects. */
  stop(options: { graceMs: number }): Promise<ExecutorExit>;
  /** Ends everything at once; running jobs are `stopped: shutdown`. */
  kill(): void;
  /** Jobs given and not yet ended. */
  readonly held: number;
  /** Jobs that ended after they had begun, since the start. */
  readonly jobsDone: number;
  /** Resident memory in bytes, or `null` where it cannot be read. */
  rssBytes(): number | null;
}
