/** Between two tellings of one trouble: at first, and at most. */
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;
/** Of so many troubles we remember when they were told. */
const mostKnown = 100;

/**
 * Which troubles are news. While Redis is away, everybody who asks it fails again and again in the same words: they
 * are told at once, then after a second, after two, four, up to once a minute. What was quiet for that long is news.
 */
export class Repetitions {
  private readonly known = new Map<string, { toldMs: number; pauseMs: number }>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  isNews(words: string): boolean {
    const nowMs = this.nowMs();
    const before = this.known.get(words);
    const sinceMs = before ? nowMs - before.toldMs : Number.POSITIVE_INFINITY;
    if (before && sinceMs < before.pauseMs) return false;
    const isSameTrouble = before && sinceMs < longestPauseMs * 2;
    const pauseMs = isSameTrouble ? Math.min(before.pauseMs * 2, longestPauseMs) : firstPauseMs;
    // Last told, last forgotten.
    this.known.delete(words);
    this.known.set(words, { toldMs: nowMs, pauseMs });
    const [oldest] = this.known.keys();
    if (this.known.size > mostKnown && oldest !== undefined) this.known.delete(oldest);
    return true;
  }
}
