import type { RetryAsked } from '../redis/transitions/settlement.js';

/** An error as it crosses the fork: plain text, nothing that could run. */
export interface SerializedError {
  name: string;
  message: string;
  /** Stack as text, the first line included. Cut to the limit of the exception text. */
  stack: string;
}

/**
 * How one execution ended. A living child, a dead child and a deadline all end here, and from here
 * on nobody asks which it was: the recorder turns the outcome into one settlement.
 */
export type Outcome =
  /** `result` holds serializer bytes, ready for the wire; `null` when the handler returned nothing. */
  | { kind: 'returned'; result: Buffer | null }
  /** `retryable: false` when the handler, or what it returned, can never succeed. */
  | {
      kind: 'threw';
      error: SerializedError;
      retryable: boolean;
      /** The handler asked for another run. */
      retryAsked?: RetryAsked;
    }
  | { kind: 'timedOut'; limitMs: number }
  /** `detail` says what is known of the death: last lines of stderr, "broke the protocol: …". */
  | { kind: 'died'; exitCode: number | null; signal: string | null; detail: string }
  /**
   * Ended by us before it could answer: its job was canceled, deleted or taken away, the worker is leaving,
   * somebody stopped just this job (`byUser`), or had its executor killed.
   */
  | { kind: 'stopped'; reason: 'canceled' | 'deleted' | 'lost' | 'shutdown' | 'byUser' | 'killed' }
  /** `isPythons`: a worker of Python's might read it. */
  | { kind: 'undecodable'; cause: string; isPythons?: true }
  | { kind: 'unknownHandler'; functionName: string }
  /** Claimed, but the handler never began: the job goes back to the head of its queue, uncharged. */
  | { kind: 'notBegun'; reason: string };
