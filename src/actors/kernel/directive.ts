/** A crashed child's fate: keep it, replace it, end it, or let the supervisor fail in its place. */
export type Directive = 'resume' | 'restart' | 'stop' | 'escalate';

export interface RestartLimit {
  restarts: number;
  withinMs: number;
}

/** OTP allows 1 in 5 s, Akka none; ours leaves room for a Redis restart without hiding a crash loop. */
export const DEFAULT_RESTART_LIMIT: RestartLimit = { restarts: 5, withinMs: 10_000 };

/** Restarts that still count, the newest last, or `null` once more than `limit.restarts` fall within the window. */
export const recordRestart = (
  times: readonly number[],
  nowMs: number,
  limit: RestartLimit,
): number[] | null => {
  const recent = [...times.filter((timeMs) => nowMs - timeMs < limit.withinMs), nowMs];
  return recent.length > limit.restarts ? null : recent;
};
