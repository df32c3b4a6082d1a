/** Pauses between restarts: `firstMs`, then `factor` times longer each time, at most `maxMs`. */
export interface Backoff {
  firstMs: number;
  maxMs: number;
  /** Default 2. */
  factor?: number;
  /** 0 to 1: the part of a pause that chance may take away, so that a crowd does not return as one. Default 0.2. */
  jitter?: number;
  /** An actor that stayed up this long begins with `firstMs` again. */
  resetAfterMs: number;
}

/** Where a series of restarts stands. */
export interface BackoffStep {
  /** 0 for the first restart of a series. */
  attempt: number;
  delayMs: number;
}

/** The pause before restart number `attempt`. `random` is in [0, 1). Never more than `maxMs`. */
export const backoffDelayMs = (attempt: number, backoff: Backoff, random: number): number => {
  const { firstMs, maxMs, factor = 2, jitter = 0.2 } = backoff;
  // A long series makes the power infinite; the minimum brings it back.
  const pauseMs = Math.min(maxMs, firstMs * factor ** attempt);
  return Math.round(pauseMs * (1 - jitter * random));
};

/** The next step of a series. `upMs` is how long the actor was up before it crashed. */
export const nextBackoff = (
  last: BackoffStep | undefined,
  upMs: number,
  backoff: Backoff,
  random: number,
): BackoffStep => {
  const attempt = last === undefined || upMs >= backoff.resetAfterMs ? 0 : last.attempt + 1;
  return { attempt, delayMs: backoffDelayMs(attempt, backoff, random) };
};
