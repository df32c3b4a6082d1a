const shown = (text: string): string =>
  JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

/** No hash, or one without a payload, lies under this id. RQ: `NoSuchJobError`. */
export class NoSuchJobError extends Error {
  override readonly name = 'NoSuchJobError';
  constructor(readonly jobId: string) {
    super(`No job ${shown(jobId)} in Redis`);
  }
}

/** The job's status forbids the operation. RQ: `InvalidJobOperationError`. */
export class InvalidJobOperationError extends Error {
  override readonly name = 'InvalidJobOperationError';
  constructor(
    readonly jobId: string,
    readonly operation: string,
    readonly reason: string,
  ) {
    super(`Cannot ${operation} job ${shown(jobId)}: ${reason}`);
  }
}

/** A job with this id exists already and is not the one that was to be enqueued. */
export class DuplicateJobError extends Error {
  override readonly name = 'DuplicateJobError';
  constructor(readonly jobId: string) {
    super(`A job with id ${shown(jobId)} exists already; pass onDuplicate: 'keep' to accept it`);
  }
}

/** The job would wait for itself, directly or through others that wait. Nothing of it was written. */
export class DependencyCycleError extends Error {
  override readonly name = 'DependencyCycleError';
  constructor(
    /** Ids in the order of waiting; the last is the first again. */
    readonly cycle: readonly string[],
  ) {
    const way = cycle.length > 12 ? [...cycle.slice(0, 10), '…', ...cycle.slice(-1)] : cycle;
    super(`Job ${shown(cycle[0] ?? '')} would wait for itself: ${way.join(' → ')}`);
  }
}

/** A job id, queue name or handler name that the wire cannot carry. */
export class InvalidNameError extends Error {
  override readonly name = 'InvalidNameError';
  constructor(
    readonly what: string,
    readonly given: string,
    readonly rule: string,
  ) {
    super(`Invalid ${what} ${shown(given)}: ${rule}`);
  }
}

/** An option that is unknown or out of range. */
export class InvalidOptionError extends Error {
  override readonly name = 'InvalidOptionError';
  constructor(
    readonly option: string,
    readonly rule: string,
  ) {
    super(`Invalid option ${option}: ${rule}`);
  }
}

/** A key holds another type than RQ gives it. Redis refused before anything was written. */
export class WrongKeyTypeError extends Error {
  override readonly name = 'WrongKeyTypeError';
  constructor(
    readonly detail: string,
    /** The key of a command that has but one; `null` of others, whose `detail` names it. */
    readonly key: string | null = null,
    options?: ErrorOptions,
  ) {
    super(key === null ? `${detail}; nothing was written` : detail, options);
  }
}

/** No transition reaches from one space of a cluster to another, nor from one Redis to another. Nothing was written. */
export class OtherSpaceError extends Error {
  override readonly name = 'OtherSpaceError';
  constructor(
    readonly operation: string,
    /** `null`: a single Redis. */
    readonly space: string | null,
    readonly otherSpace: string | null,
  ) {
    const place = (one: string | null): string =>
      one === null ? 'a single Redis' : `space ${shown(one)}`;
    super(
      `Cannot ${operation}: it is in ${place(otherSpace)}, not in ${place(space)}; nothing was written`,
    );
  }
}

/** Redis has reached maxmemory and takes no new jobs. Nothing was written. */
export class RedisFullError extends Error {
  override readonly name = 'RedisFullError';
  constructor(
    readonly operation: string,
    options?: ErrorOptions,
  ) {
    super(`Redis is over maxmemory and refused to ${operation}; nothing was written`, options);
  }
}

/**
 * The job is enqueued, and will run; only so many replicas have not confirmed in time that they have it, so that a
 * failover may still lose it. Enqueue it again only under the same `jobId`, with `onDuplicate: 'keep'`.
 */
export class NotReplicatedError extends Error {
  override readonly name = 'NotReplicatedError';
  constructor(
    readonly jobId: string,
    readonly wanted: { replicas: number; timeoutMs: number },
    /** How many did; `null` where they could not be asked, see `cause`. */
    readonly confirmed: number | null,
    options?: ErrorOptions,
  ) {
    const { replicas, timeoutMs } = wanted;
    const cause = options?.cause instanceof Error ? ` (${options.cause.message})` : '';
    const found =
      confirmed === null
        ? `${replicas} replica(s) could not be asked for it${cause}`
        : `${confirmed} of ${replicas} replica(s) confirmed it within ${timeoutMs} ms`;
    super(`Job ${shown(jobId)} is enqueued, but ${found}: a failover may lose it`, options);
  }
}

/**
 * Redis refused, and an earlier try of the same call was not answered: what was to be written may be there. Trying again with
 * the same id is safe. `cause` is the refusal.
 */
export class UncertainWriteError extends Error {
  override readonly name = 'UncertainWriteError';
  constructor(
    readonly operation: string,
    options: ErrorOptions,
  ) {
    const refusal = options.cause instanceof Error ? options.cause.message : String(options.cause);
    super(
      `Redis refused to ${operation} (${refusal}) after a try that it did not answer; it may have been written`,
      options,
    );
  }
}

/**
 * Redis did not answer in time. `maybeWritten` says whether the write may have happened; trying
 * again with the same id is safe in both cases.
 */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError';
  constructor(
    readonly operation: string,
    readonly afterMs: number,
    readonly maybeWritten: boolean,
    options?: ErrorOptions,
  ) {
    super(
      `Redis did not answer within ${afterMs} ms while trying to ${operation}; ` +
        (maybeWritten ? 'it may have been written' : 'nothing was written'),
      options,
    );
  }
}
