import type { SchedulerLike, Subscription } from 'rxjs';
import type { Activity, KernelEvent } from './kernel-event.js';

export interface Failure {
  error: unknown;
}

type Done = (failure?: Failure) => void;

interface Pending {
  during: Activity;
  done: Done;
}

/**
 * The asynchronous code of one actor, one piece at a time. What cannot be ended can at least be
 * abandoned: then `done` is called in its place, and what it still does is nobody's business but
 * an event's.
 */
export class UserCode {
  private pending: Pending | undefined;
  private limit: Subscription | undefined;

  constructor(
    private readonly clock: SchedulerLike,
    private readonly emit: (event: KernelEvent) => void,
    private readonly path: string,
    private readonly limitMs: number,
  ) {}

  get isPending(): boolean {
    return this.pending !== undefined;
  }

  /** Runs `code`; `done` is called once, before this returns when the code is synchronous. */
  run(during: Activity, code: () => void | Promise<void>, done: Done): void {
    let result: void | Promise<void>;
    try {
      result = code();
    } catch (error) {
      done({ error });
      return;
    }
    if (isThenable(result)) this.await(result, during, done);
    else done();
  }

  await(result: PromiseLike<void>, during: Activity, done: Done): void {
    const pending = { during, done };
    this.pending = pending;
    result.then(
      () => this.settle(pending),
      (error: unknown) => this.settle(pending, { error }),
    );
  }

  /** From now on the pending piece has `limitMs` left. */
  hurry(): void {
    const { pending, limitMs } = this;
    if (pending === undefined || this.limit !== undefined) return;
    this.limit = this.clock.schedule(() => {
      this.emit({ kind: 'abandoned', path: this.path, during: pending.during, afterMs: limitMs });
      this.settle(pending);
    }, limitMs);
  }

  /** Stops waiting, without calling `done`. Says what was pending. */
  forget(): Activity | undefined {
    const during = this.pending?.during;
    this.pending = undefined;
    this.limit?.unsubscribe();
    this.limit = undefined;
    return during;
  }

  private settle(pending: Pending, failure?: Failure): void {
    if (this.pending === pending) {
      this.forget();
      pending.done(failure);
    } else if (failure !== undefined) {
      // Abandoned earlier. Nobody decides about it any more, but the error must be seen.
      const { during } = pending;
      this.emit({ kind: 'crashed', path: this.path, ...failure, during, directive: 'stop' });
    }
  }
}

/** A receiver may return anything that TypeScript lets pass as void. */
export const isThenable = (result: unknown): result is PromiseLike<void> =>
  typeof (result as PromiseLike<void> | undefined)?.then === 'function';
