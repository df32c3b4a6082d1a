import { availableParallelism } from 'node:os';

/** A reply that takes longer on the average is slept for: what a wake-up takes is little of it. */
const longestMs = 0.3;
/** How much of the average the newest reply is. */
const weight = 1 / 8;
/** Calls follow each other when no more lies between a reply and the next call. After a rest the other core sleeps as well. */
const longestRestMs = 1;

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
 * for it. So where calls follow each other it looks, for the time that replies have lately taken. It sleeps as ever where they
 * take long (a Redis far away, or large calls), and for the call after a rest: Redis would have to wake on another core, while
 * a sleeper hands it his own. One for each kind of call.
 */
export class BusyPoll {
  /** Moving average of the last replies. */
  private expectedMs = 0;
  private lastReplyMs = Number.NEGATIVE_INFINITY;
  private waiting = 0;
  private polled = 0;
  private untilMs = 0;
  private isTurning = false;

  constructor(private readonly loop: Loop = thisLoop) {}

  /** Whether replies have lately come so fast that they are looked for. Never on one core. */
  get isQuick(): boolean {
    return this.loop.isShared && this.expectedMs < longestMs;
  }

  /** Settles as the reply does. */
  async until<T>(reply: Promise<T>): Promise<T> {
    const sentAtMs = this.loop.nowMs();
    const follows = this.waiting > 0 || sentAtMs - this.lastReplyMs < longestRestMs;
    const isPolled = follows && this.isQuick;
    this.waiting += 1;
    if (isPolled) this.poll(sentAtMs + longestMs);
    try {
      return await reply;
    } finally {
      this.waiting -= 1;
      if (isPolled) this.polled -= 1;
      this.lastReplyMs = this.loop.nowMs();
      // One pause of seconds must not count for more than some slow replies in a row.
      const tookMs = Math.min(this.lastReplyMs - sentAtMs, 4 * longestMs);
      if (follows) this.expectedMs += (tookMs - this.expectedMs) * weight;
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
