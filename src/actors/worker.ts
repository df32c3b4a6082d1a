import { InvalidOptionError, RedisUnavailableError } from '../redis/errors.js';
import { Cast, type MakeExecutor } from './cast.js';
import {
  NotDurableError,
  WorkerGaveUpError,
  WorkerNameTakenError,
  WorkerStartError,
} from './errors.js';
import { deferred } from './executor/deferred.js';
import { Grace } from './grace.js';
import type { WorkerSummary } from './tally.js';
import { guarded, type WorkerEvents } from './worker-events.js';
import type { WorkerPlan } from './worker-options.js';

export type { WorkerSummary } from './tally.js';
export type { WorkerEvents } from './worker-events.js';

/** RQ's: commands closer together are taken for one. RQ: `request_force_stop`. */
const coldAfterMs = 1_000;

/**
 * A worker: takes jobs of its queues in strict order, has them run, and writes down how they ended. Here is
 * only its life, which it has once: it comes up, and it leaves, because it is told to, because there is nothing
 * left to do, or because it has to give up. Those who do the work are the cast.
 */
export class Worker {
  private readonly events: Required<WorkerEvents>;
  private readonly grace = new Grace();
  private readonly end = deferred<WorkerSummary>();
  private cast: Cast | null = null;
  private starting: Promise<readonly string[]> | null = null;
  private leaving: Promise<WorkerSummary> | null = null;
  private shutdownAtMs: number | null = null;

  constructor(
    readonly plan: WorkerPlan,
    private readonly makeExecutor: MakeExecutor,
    events: WorkerEvents = {},
  ) {
    this.events = guarded(events);
    // Whoever never looks at `done` has the rejection of `start`, or hears of it through `onTrouble`.
    this.end.promise.catch(() => undefined);
  }

  /** Resolves once the worker has left, whoever asked for it; rejects when it did not start or gave up. */
  get done(): Promise<WorkerSummary> {
    return this.end.promise;
  }

  /**
   * Comes up, and takes jobs from then on. Resolves with the names of the handlers. A worker that fails to
   * has left when this rejects.
   *
   * @throws NotDurableError, WorkerNameTakenError, WorkerStartError when the executors do not come up or it was
   * stopped before, RedisUnavailableError
   */
  start(): Promise<readonly string[]> {
    this.starting ??= this.comeUp();
    return this.starting;
  }

  /**
   * Stops: no new jobs at once, unbegun ones go back, running ones have `graceMs` and then go back to the head
   * of their queues uncharged. A second call may only shorten the grace. May be called at any time; never
   * rejects.
   */
  stop({ graceMs = this.plan.graceMs }: { graceMs?: number } = {}): Promise<WorkerSummary> {
    this.grace.shorten(graceMs);
    return this.leave();
  }

  private async comeUp(): Promise<readonly string[]> {
    if (this.leaving) throw new WorkerStartError('it was stopped before');
    try {
      this.cast = new Cast(this.plan, this.makeExecutor, {
        ...this.events,
        onDone: () => void this.stop(),
        onShutdown: () => this.shutDown(),
        onFatal: (error) => this.giveUp(error),
      });
      const names = await this.cast.enter();
      this.events.onReady(names);
      return names;
    } catch (error) {
      const cause = startErrorOf(error);
      this.grace.shorten(0);
      // Nothing of it must stay behind: its name would be taken until its record runs out.
      await this.leave(cause);
      throw cause;
    }
  }

  // As with signals: the first is warm, another one a second later is not.
  private shutDown(): void {
    const nowMs = performance.now();
    this.shutdownAtMs ??= nowMs;
    void this.stop(nowMs - this.shutdownAtMs >= coldAfterMs ? { graceMs: 0 } : {});
  }

  private giveUp(error: unknown): void {
    if (this.leaving) return;
    const cause = new WorkerGaveUpError(this.plan.name, error);
    this.events.onTrouble(cause);
    this.grace.shorten(0);
    void this.leave(cause);
  }

  private leave(cause?: Error): Promise<WorkerSummary> {
    if (this.leaving) return this.leaving;
    const { cast, grace, end } = this;
    const nothing = { finished: 0, failed: 0, left: [] };
    this.leaving = cast ? cast.leave(grace) : Promise.resolve(nothing);
    void this.leaving.then((summary) => {
      grace.cancel();
      if (cause) end.reject(cause);
      else end.resolve(summary);
    });
    return this.leaving;
  }
}

const named = [InvalidOptionError, NotDurableError, RedisUnavailableError, WorkerNameTakenError];

const startErrorOf = (error: unknown): Error =>
  named.some((kind) => error instanceof kind) ? (error as Error) : new WorkerStartError(error);
