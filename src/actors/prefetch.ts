/** How far ahead jobs may be claimed: nothing, or as far as the measured rate makes sense. */
export type Prefetch = 0 | 'adaptive';

/** Jobs are claimed ahead for about this long. */
const aheadMs = 30;
/** Jobs that take longer than this are never claimed ahead: they would wait here instead of being run elsewhere. */
const longestMs = 10;
const mostHeld = 512;
const mostInWindow = 128;

/**
 * Measures how fast jobs end, and says how many may be claimed beyond those that run. A pure fold over the
 * batches of ended jobs, so that it is tested without jobs.
 */
export class Rate {
  private perMs = 0;
  private tookMs = Number.POSITIVE_INFINITY;
  private sinceMs = 0;
  private count = 0;

  /** `count` jobs, one at least, ended at `nowMs`, and took so long in all. */
  ended(count: number, tookMs: number, nowMs: number): void {
    const each = tookMs / count;
    this.tookMs = Number.isFinite(this.tookMs)
      ? this.tookMs + (each - this.tookMs) * Math.min(1, count / 16)
      : each;
    this.count += count;
    const passedMs = nowMs - this.sinceMs;
    if (passedMs < 5) return;
    const perMs = this.count / passedMs;
    // A pause is no rate: after one, the measuring starts anew.
    if (passedMs > 1_000) this.perMs = 0;
    else this.perMs = this.perMs === 0 ? perMs : this.perMs + (perMs - this.perMs) * 0.3;
    this.sinceMs = nowMs;
    this.count = 0;
  }

  /** Held jobs had to go back: nothing is known any more, until further jobs have ended. */
  stalled(): void {
    this.perMs = 0;
    this.tookMs = Number.POSITIVE_INFINITY;
  }

  /** Jobs worth holding, given that so many wait in Redis. */
  hold(left: number): number {
    if (left === 0 || this.tookMs > longestMs) return 0;
    return Math.min(mostHeld, Math.ceil(this.perMs * aheadMs));
  }

  /** Jobs worth giving to one child at a time: about 10 ms of work. */
  window(): number {
    if (this.tookMs > longestMs) return 1;
    return Math.max(1, Math.min(mostInWindow, Math.floor(10 / Math.max(this.tookMs, 0.01))));
  }
}
