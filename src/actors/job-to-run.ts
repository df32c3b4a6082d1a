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
}
