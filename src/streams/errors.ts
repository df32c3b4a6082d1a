import type { GapEvent } from './log-page.js';
import type { MissingResult } from './results.js';

const lastLineOf = (traceback: string): string =>
  traceback.trim().split('\n').at(-1)?.slice(0, 300) ?? '';

/** The job failed. `traceback` is what its worker wrote, Node's or Python's. */
export class JobFailedError extends Error {
  override readonly name = 'JobFailedError';
  constructor(
    readonly jobId: string,
    readonly traceback: string,
  ) {
    // Node's stack begins with the message, Python's ends with it.
    const first = traceback.split('\n', 1)[0] ?? '';
    super(
      `Job ${jobId} failed: ${(first.startsWith('Traceback') ? lastLineOf(traceback) : first.slice(0, 300)) || 'no traceback was kept'}`,
    );
  }
}

/** The job was canceled. */
export class JobCanceledError extends Error {
  override readonly name = 'JobCanceledError';
  constructor(readonly jobId: string) {
    super(`Job ${jobId} was canceled`);
  }
}

/** The job is not in Redis any more: deleted, or its time to live ran out. */
export class JobExpiredError extends Error {
  override readonly name = 'JobExpiredError';
  constructor(readonly jobId: string) {
    super(`Job ${jobId} is not in Redis any more: it was deleted, or kept shorter than you waited`);
  }
}

/** There was no result in time. The job goes on; asking again later is fine. */
export class ResultTimeoutError extends Error {
  override readonly name = 'ResultTimeoutError';
  constructor(
    readonly jobId: string,
    readonly timeoutMs: number,
    /** False when Redis did not say in time whether there is one. */
    readonly isKnown = true,
  ) {
    const why = isKnown ? '' : '; Redis did not answer in time, so there may be one';
    super(`Job ${jobId} had no result after ${timeoutMs} ms${why}`);
  }
}

/** A pipeline met a result that is gone, or a gap in the log, and was not told to go on. */
export class ResultLostError extends Error {
  override readonly name = 'ResultLostError';
  constructor(
    readonly pipeline: string,
    readonly loss: MissingResult | GapEvent,
  ) {
    const what =
      loss.kind === 'gap'
        ? `events of queue ${loss.queue} between ${loss.after} and ${loss.before} are no longer in its log`
        : `the result of job ${loss.jobId} is missing (${loss.why})`;
    super(`Pipeline ${pipeline} stopped: ${what}; give onLost to go on without`);
  }
}
