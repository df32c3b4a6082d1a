import { availableParallelism } from 'node:os';

/** A reply that takes longer on the average is slept for: what a wake-up takes is little of it. */
const longestMs = 0.3;
/** How much of the average the newest reply is. */
const weight = 1 / 8;

/** What it needs of the thread that it runs on. */
export interface Loop {
  nowMs(): number;
  /** After the event loop has looked for news once more, without sleeping. */
  nextTurn(look: () => void): void;
  /** Whether another thread can run meanwhile. On one core the poller would keep Redis from its reply. */
  isShared: boolean;
}

const thisLoop: Loop = {
  nowMs: () => performance.now(),
  nextTurn: setImmediate,
  isShared: availableParallelism() > 1,
};

/**
 * Keeps the event loop turning while a reply is expected any moment. A thread that sleeps is woken 20 to 40 µs after its
 * reply has come, which is half of what a small call of a Redis nearby takes, and costs the CPU about as much as to look
 * for it. So it looks, for the time that replies have lately taken; where they take long (a Redis far away, or large calls)
 * it sleeps as ever. One for each kind of call.
 */
export class BusyPoll {
  /** Moving average of the last replies. */
  private expectedMs = 0;
  private polled = 0;
  private untilMs = 0;
  private isTurning = false;

  constructor(private readonly loop: Loop = thisLoop) {}

  /** Settles as the reply does. */
  async until<T>(reply: Promise<T>): Promise<T> {
    if (!this.loop.isShared) return reply;
    const sentAtMs = this.loop.nowMs();
    const isPolled = this.expectedMs < longestMs;
    if (isPolled) this.poll(sentAtMs + longestMs);
    try {
      return await reply;
    } finally {
      if (isPolled) this.polled -= 1;
      // One pause of seconds must not count for more than some slow replies in a row.
      const tookMs = Math.min(this.loop.nowMs() - sentAtMs, 4 * longestMs);
      this.expectedMs += (tookMs - this.expectedMs) * weight;
    }
  }

  private poll(untilMs: number): void {
    this.polled += 1;
    this.untilMs = untilMs;
    if (this.isTurning) return;
    this.isTurning = true;
    this.loop.nextTurn(this.look);
  }

  private readonly look = (): void => {
    this.isTurning = this.polled > 0 && this.loop.nowMs() < this.untilMs;
    if (this.isTurning) this.loop.nextTurn(this.look);
  };
}
