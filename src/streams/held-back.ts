import { claimKeys } from '../redis/transitions/queue-keys.js';
import type { ExchangeReply, Paused } from '../redis/transitions/settle-and-claim.js';

/** How often what is paused is looked at: nobody tells when it goes on. */
const pausedLookMs = 1_000;
/** A fault is told so often, and keeps the blocking pop away for so long. */
const faultTellMs = 60_000;
const faultPauseMs = 8_000;

/** What keeps the jobs of a queue from a worker for now: a pause, a limit of starts, a key of a wrong type. */
export class HeldBack {
  private paused: Paused | null = null;
  /** Queues that have used up their limit → milliseconds until more may start. */
  private limited: ReadonlyMap<string, number> = new Map();
  private readonly faults = new Map<string, { seenMs: number; toldMs: number }>();

  /** Takes over what a claim found. Answers whether the pause is another one than before. */
  look({ paused, heldBack }: ExchangeReply): boolean {
    const isNews =
      paused?.isSuspended !== this.paused?.isSuspended ||
      paused?.queues.join() !== this.paused?.queues.join();
    this.paused = paused;
    this.limited = heldBack;
    return isNews;
  }

  /** Neither a pause nor a limit. */
  get isNone(): boolean {
    return this.paused === null && this.limited.size === 0;
  }

  /** When to look again, in milliseconds: at once when more may start, and in between, since a limit may be lifted. */
  get lookAgainMs(): number {
    return Math.min(pausedLookMs, ...this.limited.values());
  }

  /** Whether a pause or a limit lets nothing out of this queue. */
  isClosed(queue: string): boolean {
    if (this.limited.has(queue)) return true;
    return this.paused !== null && (this.paused.isSuspended || this.paused.queues.includes(queue));
  }

  /** Whether a blocking pop may wait at this queue. */
  mayPop(queue: string): boolean {
    return !this.isClosed(queue) && !this.isFaulty(queue);
  }

  /** Notes faults; answers those that are to be told. */
  newFaults(texts: readonly string[]): string[] {
    const nowMs = performance.now();
    return texts.filter((text) => {
      const before = this.faults.get(text);
      const isNews = !before || nowMs - before.toldMs > faultTellMs;
      this.faults.set(text, { seenMs: nowMs, toldMs: isNews ? nowMs : before.toldMs });
      return isNews;
    });
  }

  // A pop on a queue that cannot be claimed from would move one id after the other to the in-flight list.
  private isFaulty(queue: string): boolean {
    if (this.faults.size === 0) return false;
    const sinceMs = performance.now() - faultPauseMs;
    const own = claimKeys(queue);
    return [...this.faults].some(
      ([text, { seenMs }]) => seenMs > sinceMs && own.some((key) => text.includes(` ${key} `)),
    );
  }
}
