import type { HeldJob } from './held-jobs.js';

const longestTimerMs = 2 ** 31 - 1;

/** The one timer of a child: the limit of the job that runs now, counted from its own begin. */
export class Deadline {
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly onDue: (held: HeldJob, limitMs: number) => void) {}

  /** Replaces what was armed. `null`, or a job without a limit, arms nothing. */
  arm(held: HeldJob | null): void {
    clearTimeout(this.#timer);
    const limitMs = held?.job.timeoutMs ?? null;
    if (!held || limitMs === null || held.beganAtMs === null) return;
    const leftMs = held.beganAtMs + limitMs - performance.now();
    // Node fires a longer timer at once; and its timers may come a fraction of a millisecond early.
    this.#timer = setTimeout(
      () => {
        if (Deadline.#leftMs(held, limitMs) > 1) this.arm(held);
        else this.onDue(held, limitMs);
      },
      Math.min(longestTimerMs, Math.max(0, leftMs)),
    );
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  static #leftMs(held: HeldJob, limitMs: number): number {
    return (held.beganAtMs ?? 0) + limitMs - performance.now();
  }
}
