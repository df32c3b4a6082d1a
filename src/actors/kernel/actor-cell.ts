import { AsyncSubject, firstValueFrom, type Observable, type Subscription } from 'rxjs';
import { ask } from './ask.js';
import type {
  ActorRef,
  ActorSpec,
  ActorState,
  Behavior,
  RestartPolicy,
  Terminated,
} from './behavior.js';
import type { Runnable } from './dispatcher.js';
import { ActorEndedError } from './errors.js';
import { type Child, Family } from './family.js';
import type { Kernel } from './kernel.js';
import type { Activity, StopReason } from './kernel-event.js';
import { Mailbox } from './mailbox.js';
import { Scope, type ScopeOwner, type Signal } from './scope.js';

const DEFAULT_SHUTDOWN_MS = 5000;

interface Incarnation<M> {
  scope: Scope<M>;
  /** Missing when its factory threw. */
  behavior?: Exclude<Behavior<M>, (...args: never[]) => unknown>;
}

/** User code that has not come to its end yet. */
interface Pending {
  during: Activity;
  done(failure?: { error: unknown }): void;
}

/**
 * One actor: a mailbox, the behavior of the moment, and the turns in which they meet. Everything
 * that happens to it from outside is noted down and carried out in a turn of its own, so no code of
 * the actor ever runs inside somebody else's, and never two pieces of it at once.
 */
export class ActorCell<M> implements ActorRef<M>, ScopeOwner<M>, Child, Runnable {
  readonly path: string;
  readonly policy: RestartPolicy;
  readonly terminated$: Observable<Terminated>;
  upSinceMs: number;
  private phase: 'down' | 'starting' | 'up' | 'goingDown' | 'gone' = 'down';
  private incarnation: Incarnation<M> | undefined;
  private pending: Pending | undefined;
  private queued = false;
  private startDue = true;
  private starts = 0;
  /** Why it is to leave for good, once that is known. */
  private leaving: StopReason | undefined;
  private downDue = false;
  /** A failure that is not its own message's, kept until the message at hand is over. */
  private wound: { error: unknown; during: Activity } | undefined;
  private onDown: (() => void) | undefined;
  private onUp: (() => void) | undefined;
  private backoff: Subscription | undefined;
  private limit: Subscription | undefined;
  private readonly mailbox: Mailbox<M>;
  private readonly signals: Signal<M>[] = [];
  private readonly children: Family;
  private readonly termination = new AsyncSubject<Terminated>();

  constructor(
    private readonly spec: ActorSpec<M>,
    readonly kernel: Kernel,
    private readonly family: Family,
  ) {
    this.path = family.pathOf(spec.name);
    this.policy = spec;
    this.mailbox = new Mailbox(spec.mailbox.capacity);
    this.upSinceMs = kernel.clock.now();
    this.terminated$ = kernel.isolate(this.termination);
    this.children = new Family(kernel, this.path, spec.supervision ?? {}, (error) =>
      this.hurt(error, 'child'),
    );
    family.add(this);
    kernel.emit({ kind: 'spawned', path: this.path });
    this.wake();
  }

  get state(): ActorState {
    if (this.phase === 'gone') return 'stopped';
    if (this.leaving !== undefined) return 'stopping';
    return this.phase === 'up' ? 'running' : 'starting';
  }

  tell(message: M): boolean {
    if (this.leaving !== undefined) {
      this.kernel.deadLetter(message, this.path, 'stopped');
      return false;
    }
    if (!this.mailbox.push(message)) return this.overflow(message);
    if (!this.queued && this.phase === 'up' && this.pending === undefined) this.wake();
    return true;
  }

  ask<R>(makeMessage: (reply: (value: R) => void) => M, options: { timeoutMs: number }): Promise<R> {
    return ask(this.kernel, this, makeMessage, options.timeoutMs);
  }

  async stop(): Promise<void> {
    this.leave({ kind: 'stopped' });
    await firstValueFrom(this.termination);
  }

  // --- as its own scope moves it

  adopt<C>(spec: ActorSpec<C>): ActorRef<C> {
    return new ActorCell(spec, this.kernel, this.children);
  }

  signal(signal: Signal<M>): void {
    this.signals.push(signal);
    this.wake();
  }

  end(): void {
    if (this.policy.restart === 'permanent') this.hurt(new ActorEndedError(this.path), 'receiving');
    else this.leave({ kind: 'ended' });
  }

  // --- as its supervisor moves it

  leave(reason: StopReason): void {
    if (this.leaving !== undefined) return;
    this.leaving = reason;
    this.incarnation?.scope.close();
    this.limitPending();
    this.wake();
  }

  goDown(done: () => void): void {
    this.onUp = undefined;
    this.startDue = false;
    this.backoff?.unsubscribe();
    if (this.phase === 'gone' || (this.phase === 'down' && this.leaving === undefined)) return done();
    this.onDown = done;
    if (this.phase === 'goingDown') return;
    this.downDue = true;
    this.limitPending();
    this.wake();
  }

  comeUp(delayMs: number, done: () => void): void {
    if (this.phase === 'gone') return done();
    this.onUp = done;
    const start = (): void => {
      this.startDue = true;
      this.wake();
    };
    if (delayMs === 0) start();
    else this.backoff = this.kernel.clock.schedule(start, delayMs);
  }

  abandon(afterMs: number): void {
    if (this.phase === 'gone') return;
    this.leave({ kind: 'stopped' });
    this.children.abandonAll(afterMs);
    const during = this.pending?.during ?? 'stopping';
    this.pending = undefined;
    this.kernel.emit({ kind: 'abandoned', path: this.path, during, afterMs });
    this.finish();
  }

  // --- turns

  run(budget: number): number {
    const received = this.pending === undefined ? this.takeTurn(budget) : 0;
    this.queued = false;
    if (this.hasWork()) this.wake();
    return received;
  }

  private takeTurn(budget: number): number {
    const settled = this.phase === 'goingDown' || this.phase === 'gone';
    if (settled) return 0;
    if (this.leaving !== undefined || this.downDue) this.takeDown();
    else if (this.startDue) this.bringUp();
    else if (this.phase !== 'up') return 0;
    else if (this.wound !== undefined) this.fail(this.wound.error, this.wound.during);
    else return this.receiveSome(budget);
    return 0;
  }

  private hasWork(): boolean {
    if (this.pending !== undefined || this.phase === 'goingDown' || this.phase === 'gone') return false;
    if (this.leaving !== undefined || this.downDue || this.startDue) return true;
    return (
      this.phase === 'up' &&
      (this.wound !== undefined || this.signals.length > 0 || this.mailbox.size > 0)
    );
  }

  private wake(): void {
    if (this.queued) return;
    this.queued = true;
    this.kernel.dispatcher.enqueue(this);
  }

  private receiveSome(budget: number): number {
    let received = 0;
    while (received < budget && this.isOpen()) {
      const signal = this.signals.shift();
      if (signal?.canceled) continue;
      if (signal === undefined && this.mailbox.size === 0) break;
      received++;
      this.receive(signal);
    }
    return received;
  }

  /** Whether the next message may be received; any message can change that. */
  private isOpen(): boolean {
    return (
      this.phase === 'up' &&
      this.leaving === undefined &&
      this.wound === undefined &&
      this.pending === undefined &&
      !this.downDue
    );
  }

  private receive(signal: Signal<M> | undefined): void {
    const { behavior, scope } = this.incarnation as Required<Incarnation<M>>;
    let message: M | undefined;
    let result: void | Promise<void>;
    try {
      if (signal === undefined) message = this.mailbox.shift();
      else {
        signal.waiting = false;
        message = signal.message();
      }
      result = behavior.receive(message, scope);
    } catch (error) {
      return this.crash(message, error);
    }
    if (!isThenable(result)) return;
    this.wait(result, {
      during: 'receiving',
      done: (failure) => {
        if (failure !== undefined) this.crash(message, failure.error);
        if (this.hasWork()) this.wake();
      },
    });
  }

  private crash(message: M | undefined, error: unknown): void {
    this.kernel.crashedOn(message, this.path, error);
    this.fail(error, 'receiving');
  }

  private fail(error: unknown, during: Activity): void {
    this.wound = undefined;
    if (this.leaving === undefined && !this.downDue) return this.family.failed(this, error, during);
    // Its fate is decided already.
    const directive = this.leaving !== undefined ? 'stop' : 'restart';
    this.kernel.emit({ kind: 'crashed', path: this.path, error, during, directive });
  }

  private hurt(error: unknown, during: Activity): void {
    const lives = this.phase === 'up' || this.phase === 'starting';
    if (!lives || this.leaving !== undefined || this.downDue) return;
    this.wound ??= { error, during };
    this.wake();
  }

  private overflow(message: M): boolean {
    if (this.spec.mailbox.overflow === 'reject') {
      this.kernel.deadLetter(message, this.path, 'mailbox full');
      return false;
    }
    const oldest = this.mailbox.shift();
    this.mailbox.push(message);
    this.kernel.deadLetter(oldest, this.path, 'dropped as oldest');
    return true;
  }

  // --- up and down

  private bringUp(): void {
    const incarnation: Incarnation<M> = { scope: new Scope(this) };
    this.startDue = false;
    this.phase = 'starting';
    this.incarnation = incarnation;
    const start = (): void | Promise<void> => {
      const behavior = this.spec.behavior(incarnation.scope);
      incarnation.behavior = typeof behavior === 'function' ? { receive: behavior } : behavior;
      return incarnation.behavior.started?.(incarnation.scope);
    };
    this.perform('starting', start, (failure) => {
      if (failure !== undefined) this.fail(failure.error, 'starting');
      else this.arrive();
      if (this.hasWork()) this.wake();
    });
  }

  private arrive(): void {
    this.phase = 'up';
    this.upSinceMs = this.kernel.clock.now();
    if (this.starts++ > 0) this.kernel.emit({ kind: 'restarted', path: this.path });
    const done = this.onUp;
    this.onUp = undefined;
    done?.();
  }

  private takeDown(): void {
    const { incarnation } = this;
    this.phase = 'goingDown';
    this.downDue = false;
    this.startDue = false;
    this.wound = undefined;
    this.backoff?.unsubscribe();
    incarnation?.scope.close();
    // Timers and watches are the incarnation's own; the mailbox is the actor's, and stays.
    this.signals.length = 0;
    const hook = (): void | Promise<void> => incarnation?.behavior?.stopping?.(incarnation.scope);
    this.children.stopAll(() => {
      this.perform('stopping', hook, (failure) => {
        if (failure !== undefined) this.reportStopping(failure.error);
        this.incarnation = undefined;
        this.phase = 'down';
        if (this.leaving !== undefined) this.finish();
        else this.release();
      });
      this.limitPending();
    });
  }

  private reportStopping(error: unknown): void {
    const directive = this.leaving === undefined ? 'restart' : 'stop';
    this.kernel.emit({ kind: 'crashed', path: this.path, error, during: 'stopping', directive });
  }

  private finish(): void {
    if (this.phase === 'gone') return;
    this.phase = 'gone';
    const reason = this.leaving ?? { kind: 'stopped' };
    while (this.mailbox.size > 0) this.kernel.deadLetter(this.mailbox.shift(), this.path, 'stopped');
    this.family.remove(this);
    this.kernel.emit({ kind: 'stopped', path: this.path, reason });
    this.termination.next({ path: this.path, reason });
    this.termination.complete();
    this.release();
    this.family.afterRemoval();
  }

  /** Whoever waits for it to be down, or up, need not wait any longer. */
  private release(): void {
    const { onDown, onUp } = this;
    this.onDown = undefined;
    if (this.phase === 'gone') this.onUp = undefined;
    onDown?.();
    if (this.phase === 'gone') onUp?.();
  }

  // --- user code that takes its time

  private perform(
    during: Activity,
    code: () => void | Promise<void>,
    done: Pending['done'],
  ): void {
    let result: void | Promise<void>;
    try {
      result = code();
    } catch (error) {
      return done({ error });
    }
    if (isThenable(result)) this.wait(result, { during, done });
    else done();
  }

  private wait(result: Promise<void>, pending: Pending): void {
    this.pending = pending;
    result.then(
      () => this.settle(pending),
      (error: unknown) => this.settle(pending, { error }),
    );
    if (this.leaving !== undefined || this.downDue) this.limitPending();
  }

  private settle(pending: Pending, failure?: { error: unknown }): void {
    if (this.pending === pending) {
      this.pending = undefined;
      this.limit?.unsubscribe();
      this.limit = undefined;
      pending.done(failure);
    } else if (failure !== undefined) {
      // Abandoned long ago: nobody waits for it, but the error must still be seen.
      const { path } = this;
      this.kernel.emit({ kind: 'crashed', path, ...failure, during: pending.during, directive: 'stop' });
    }
  }

  private limitPending(): void {
    const { pending } = this;
    if (pending === undefined || this.limit !== undefined) return;
    const afterMs = this.spec.shutdownMs ?? DEFAULT_SHUTDOWN_MS;
    this.limit = this.kernel.clock.schedule(() => {
      this.kernel.emit({ kind: 'abandoned', path: this.path, during: pending.during, afterMs });
      this.settle(pending);
    }, afterMs);
  }
}

const isThenable = (result: unknown): result is Promise<void> =>
  typeof (result as Promise<void> | undefined)?.then === 'function';
