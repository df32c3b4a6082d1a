/** The executor did not come up; nothing was run. `detail` holds its last words on stderr. */
export class ExecutorStartError extends Error {
  override readonly name = 'ExecutorStartError';
  constructor(
    readonly reason: string,
    readonly detail: string,
    options?: ErrorOptions,
  ) {
    super(`The executor did not start: ${reason}${detail && `\n${detail}`}`, options);
  }
}

/** The process that ends children without a worker does not stay up. They would be left to themselves. */
export class WardenLostError extends Error {
  override readonly name = 'WardenLostError';
  constructor(readonly reason: string) {
    super(`The warden of the children was lost three times in a row, at last: ${reason}`);
  }
}

/** `job.saveMeta()` would write more than the limit. Nothing was written. */
export class MetaTooLargeError extends Error {
  override readonly name = 'MetaTooLargeError';
  constructor(
    readonly jobId: string,
    readonly sizeBytes: number,
    readonly limitBytes: number,
  ) {
    super(`meta of job ${jobId} has ${sizeBytes} bytes, more than the limit of ${limitBytes}`);
  }
}

/** `job.progress()` was given something that is no JSON, or too much of it. */
export class InvalidProgressError extends Error {
  override readonly name = 'InvalidProgressError';
  constructor(
    readonly jobId: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(`progress of job ${jobId} ${reason}`, options);
  }
}

/** The reason of an aborted `job.signal`. Named as the platform names it, for those who ask by name. */
export class JobAbortedError extends Error {
  override readonly name = 'AbortError';
  constructor(
    readonly jobId: string,
    /** `timedOut`, or why the job was stopped. */
    readonly reason: string,
  ) {
    super(`Job ${jobId} is to end: ${reason === 'timedOut' ? 'it ran out of time' : reason}`);
  }
}
