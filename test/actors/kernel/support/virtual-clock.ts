import { VirtualTimeScheduler } from 'rxjs';

/** Lets everything run that is ready: microtasks, and the turns they begin. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A clock moved by hand. Between two moments of virtual time the actors get their turns. */
export class VirtualClock extends VirtualTimeScheduler {
  async advance(byMs: number): Promise<void> {
    const untilMs = this.frame + byMs;
    await settle();
    for (let next = this.next(); next <= untilMs; next = this.next()) {
      this.maxFrames = next;
      this.flush();
      await settle();
    }
    this.frame = untilMs;
  }

  private next(): number {
    return Math.min(...this.actions.filter((action) => !action.closed).map(({ delay }) => delay));
  }
}
