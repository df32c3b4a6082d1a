/** Lets so many lines a second through, with a burst of the same size, and counts the others. */
export class Thinning {
  private tokens: number;
  private lastMs: number;
  private leftOut = 0;

  constructor(
    private readonly linesPerSecond: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.tokens = linesPerSecond;
    this.lastMs = nowMs();
  }

  /** Whether one more line may be printed; never while there is no room for it. */
  allows(hasRoom = true): boolean {
    const nowMs = this.nowMs();
    this.tokens = Math.min(
      this.linesPerSecond,
      this.tokens + ((nowMs - this.lastMs) / 1_000) * this.linesPerSecond,
    );
    this.lastMs = nowMs;
    if (this.tokens < 1 || !hasRoom) {
      this.leftOut += 1;
      return false;
    }
    this.tokens -= 1;
    return true;
  }

  /** How many lines were left out since this was last asked. */
  takeLeftOut(): number {
    const leftOut = this.leftOut;
    this.leftOut = 0;
    return leftOut;
  }
}
