const lookEveryMs = 250;

/** Calls once when a worker had nothing to do for so long. RQ: `max_idle_time`. */
export class IdleWatch {
  private busyAtMs = performance.now();
  private readonly timer: NodeJS.Timeout | null = null;

  constructor(
    maxIdleMs: number,
    private readonly isBusy: () => boolean,
    onIdle: () => void,
  ) {
    if (maxIdleMs === Number.POSITIVE_INFINITY) return;
    this.timer = setInterval(
      () => {
        if (this.isBusy()) this.busy();
        if (performance.now() - this.busyAtMs < maxIdleMs) return;
        this.stop();
        onIdle();
      },
      Math.min(lookEveryMs, maxIdleMs),
    );
  }

  /** It has something to do. */
  busy(): void {
    if (this.timer) this.busyAtMs = performance.now();
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
  }
}
