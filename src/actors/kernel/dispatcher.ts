/** Something that has work; `run` does at most `budget` units of it and says how many it did. */
export interface Runnable {
  run(budget: number): number;
}

/** Calls `run` once, soon, never before the caller has returned. */
export type Turn = (run: () => void) => void;

const settled = Promise.resolve();
const microtask: Turn = (run) => {
  void settled.then(run);
};

/**
 * Gives actors their turns. One microtask serves everyone who is ready. The budget is shared by all:
 * two actors that answer each other in microtasks would otherwise keep timers and sockets waiting
 * for ever, each of them well within a budget of its own.
 */
export class Dispatcher {
  private ready: Runnable[] = [];
  private awake = false;
  private used = 0;

  constructor(
    private readonly turn: Turn = microtask,
    private readonly messagesPerTurn = 1000,
  ) {}

  enqueue(runnable: Runnable): void {
    this.ready.push(runnable);
    if (this.awake) return;
    this.awake = true;
    this.turn(this.serve);
  }

  private readonly serve = (): void => {
    let next = 0;
    while (next < this.ready.length) {
      if (this.used >= this.messagesPerTurn) {
        this.used = 0;
        this.ready = this.ready.slice(next);
        setImmediate(this.serve);
        return;
      }
      const runnable = this.ready[next++] as Runnable;
      // At least one: a turn that only starts or stops an actor is work as well.
      this.used += Math.max(1, runnable.run(this.messagesPerTurn - this.used));
    }
    this.ready = [];
    this.awake = false;
  };
}
