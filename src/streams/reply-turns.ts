/**
 * Replies of calls that are under way side by side, one after the other. Redis answers together what it reads together. If all
 * replies were worked on before the next call is sent, Redis would wait for us, and then we for Redis, for as long as both
 * have work: so what the first one brought is on its way before the second one is looked at.
 */
export class ReplyTurns {
  private isTaken = false;

  /** Resolves when nobody else has taken this turn of the event loop. */
  async take(): Promise<void> {
    while (this.isTaken) await new Promise((resolve) => setImmediate(resolve));
    this.isTaken = true;
    setImmediate(() => {
      this.isTaken = false;
    });
  }
}
