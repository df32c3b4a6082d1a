import type { CallbackMoment } from '../redis/callbacks.js';
import type { SerializedError } from './outcome.js';

/** One claimed job as an executor needs it: bytes and numbers, nothing decoded yet. */
export interface JobToRun {
  jobId: string;
  /** 32 hex characters, unique for this attempt. Every outcome is fenced by it. */
  execution: string;
  queue: string;
  /** 1 for the first start; only grows. */
  attempt: number;
  /** Limit of the run in milliseconds; `null` is no limit (RQ's -1). */
  timeoutMs: number | null;
  /** The field `data` as it lies in Redis: RQ's 4-element call, JSON or pickle, deflated or not. */
  data: Buffer;
  /** The field `meta` as it lies in Redis, or `null`. */
  meta: Buffer | null;
  /** What is to be called instead of the job's own function, now that it has ended. */
  callback?: CallbackToRun;
}

/** A callback on its way to an executor. */
export interface CallbackToRun {
  moment: CallbackMoment;
  /** The handler. */
  name: string;
  /** Of a success: the result in the bytes of the job's serializer; `null` for none. */
  result: Buffer | null;
  /** Of a failure. */
  error: SerializedError | null;
}
