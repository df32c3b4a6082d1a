import type { Afterwards } from '../afterwards.js';

/** A job as the claim brought it: bytes and numbers, nothing decoded. */
export interface ClaimedJob {
  queue: string;
  jobId: string;
  /** 32 hex characters; every outcome is fenced by it. */
  execution: string;
  /** Number of this start. Only grows; skips one where a worker died and its handler may have begun. */
  attempt: number;
  /** Redis says `started`. A job that is held instead (claimed ahead) begins when its handler does. */
  started: boolean;
  /** RQ's job timeout, in milliseconds; `null` is none (-1). */
  timeoutMs: number | null;
  data: Buffer;
  meta: Buffer | null;
  /** Its producer reads results from RQ's stream (Python), not from the hash. */
  wantsStream: boolean;
  /** Its hash was as `enqueue` writes a plain job; its end is then written without asking what was said of it. */
  isNew: boolean;
  /** RQ's timestamp text, or empty. */
  enqueuedAt: string;
  /** What is to be done when it has ended; absent for most. */
  afterwards?: Afterwards;
  /** The key of its rate limit, whose slot its end gives back; absent for most. */
  rateLimitKey?: string;
}

/** Another run that a handler asked for. RQ: a returned `Retry`. */
export interface RetryAsked {
  /** How often a job may ask, 1 or more. */
  max: number;
  /** The pauses before the first, second … such run; the last one serves all further ones. */
  intervalsSeconds: readonly number[];
}

/** The reason of a job that somebody stopped; RQ's words: `Worker.monitor_work_horse`. */
export const stoppedText = 'Job stopped by user, work-horse terminated.';

/** How one execution ended, ready to be written. */
export interface Settlement {
  job: ClaimedJob;
  /** `performance.now()` when a held job's handler began, unless that was reported before; else `null`. */
  beganAtMs: number | null;
  tookMs: number;
  /** Its lease was extended at least once, so that it has execution keys. */
  heartbeaten: boolean;
  end:
    | { kind: 'finish'; result: Buffer | null }
    | {
        kind: 'fail';
        reason: string;
        retryable: boolean;
        traceback: string;
        /** Its handler asked for another run; then this decides, and not the job's own retries. */
        retryAsked?: RetryAsked;
        /** Instead it goes back for a worker of Python's, where one serves the queue. */
        forPython?: true;
      }
    /** Somebody stopped it: to the FailedQueue with status `stopped`, whatever retries it has left. */
    | { kind: 'stop'; reason: string; traceback: string }
    /** To the head of its queue, nothing charged. */
    | { kind: 'back'; reason: string }
    /** To the end of its queue, for another worker to run; after `limit` times to the FailedQueue. */
    | { kind: 'pass'; reason: string; limit: number };
}

/** What Redis made of a settlement. All but the first five changed nothing but the lease. */
export type Verdict =
  | 'finished'
  | 'retried'
  | 'quarantined'
  /** In the FailedQueue as well, with status `stopped`. */
  | 'stopped'
  | 'handedBack'
  /** The execution did not hold the job any more. */
  | 'lost'
  /** The job was deleted while it ran. */
  | 'gone'
  /** The job was canceled while it ran. */
  | 'canceled'
  /** A key of its queue has a wrong type; the outcome is kept and tried again. */
  | 'refused';

export const verdictOf: Record<string, Verdict> = {
  f: 'finished',
  r: 'retried',
  q: 'quarantined',
  s: 'stopped',
  h: 'handedBack',
  l: 'lost',
  g: 'gone',
  c: 'canceled',
  x: 'refused',
};
