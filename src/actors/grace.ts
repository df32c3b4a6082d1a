import { deferred } from './executor/deferred.js';
import { noLimitMs } from './executor-keeper.js';

/** The time that running jobs still have. It may be shortened, never lengthened. */
export class Grace {
  private readonly ended = deferred<void>();
  private endsAtMs = Number.POSITIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;

  /** Resolves when it is over. */
  get over(): Promise<void> {
    return this.ended.promise;
  }

  /** At most `ms` milliseconds from now; 24 days and more are no limit. */
  shorten(ms: number): void {
    const endsAtMs = performance.now() + ms;
    if (ms >= noLimitMs || endsAtMs >= this.endsAtMs) return;
    this.endsAtMs = endsAtMs;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ended.resolve(), Math.max(0, ms));
  }

  /** Nobody waits any more. */
  cancel(): void {
    clearTimeout(this.timer);
  }
}
