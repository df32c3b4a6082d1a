import type { Subscription } from 'rxjs';
import type { ActorRef, ActorSpec, ActorState, Receiver } from './behavior.js';
import { ActorEndedError } from './errors.js';
import type { Child, Family } from './family.js';
import type { Kernel } from './kernel.js';
import type { Activity, StopReason } from './kernel-event.js';
import { Scope, type ScopeOwner } from './scope.js';
import { type Failure, UserCode } from './user-code.js';

const DEFAULT_SHUTDOWN_MS = 5000;

/** One start of the behavior, until its end or restart. */
export interface Incarnation<M> {
  scope: Scope<M>;
  /** Missing when its factory threw. */
  receiver?: Receiver<M>;
}

/** The actor, as its life moves it. */
export interface LifeOwner<M> extends ActorRef<M>, ScopeOwner<M> {
  /** Asks for a turn, in which `advance` is called. */
  wake(): void;
  /** The incarnation is over; its timers and watches have nobody to talk to. */
  incarnationEnded(): void;
  gone(reason: StopReason): void;
}

/**
 * The way of one actor from its first start over its restarts to its end. What happens to it from
 * outside is noted down and carried out in a turn of the actor's own, when its code is at rest: so
 * no two pieces of its code ever run at once.
 */
export class Life<M> implements Child {
  incarnation: Incarnation<M> | undefined;
  readonly code: UserCode;
  private phase: 'down' | 'starting' | 'up' | 'goingDown' | 'gone' = 'down';
  private starts = 0;
  private upSinceMs = 0;
  private startDue = true;
  private downDue = false;
  /** Why it is to leave for good, once that is known. */
  private leaving: StopReason | undefined;
  /** A failure that no message of its own caused. */
  private wound: { error: unknown; during: Activity } | undefined;
  private onDown: (() => void) | undefined;
  private onUp: (() => void) | undefined;
  private pause: Subscription | undefined;

  constructor(
    readonly ref: LifeOwner<M>,
    readonly policy: ActorSpec<M>,
    private readonly kernel: Kernel,
    private readonly family: Family,
    private readonly children: Family,
  ) {
    const limitMs = policy.shutdownMs ?? DEFAULT_SHUTDOWN_MS;
    this.code = new UserCode(kernel.clock, (event) => kernel.emit(event), ref.path, limitMs);
  }

  get state(): ActorState {
    if (this.phase === 'gone') return 'stopped';
    if (this.leaving !== undefined) return 'stopping';
    return this.phase === 'up' ? 'running' : 'starting';
  }

  get isLeaving(): boolean {
    return this.leaving !== undefined;
  }

  /** Whether a message may be received now. */
  get isOpen(): boolean {
    return (
      this.phase === 'up' && this.wound === undefined && !this.isDoomed && !this.code.isPending
    );
  }

  /** Whether `advance` has something to do now. */
  get isDue(): boolean {
    if (this.code.isPending || this.phase === 'goingDown' || this.phase === 'gone') return false;
    return this.isDoomed || this.startDue || (this.phase === 'up' && this.wound !== undefined);
  }

  get upMs(): number {
    return this.phase === 'up' ? this.kernel.clock.now() - this.upSinceMs : 0;
  }

  advance(): void {
    if (this.isDoomed) this.takeDown();
    else if (this.startDue) this.bringUp();
    else if (this.wound !== undefined) this.fail(this.wound.error, this.wound.during);
  }

  /** The supervisor's decision about `error` is asked for and noted. */
  fail(error: unknown, during: Activity): void {
    this.wound = undefined;
    if (this.isDoomed) this.report(error, during);
    else this.family.failed(this, error, during);
  }

  /** As `fail`, but from outside of the actor's turn. */
  hurt(error: unknown, during: Activity): void {
    const lives = this.phase === 'up' || this.phase === 'starting';
    // One that is going already has its fate; the error was told as an event.
    if (!lives || this.isDoomed) return;
    this.wound ??= { error, during };
    this.ref.wake();
  }

  end(): void {
    const { path } = this.ref;
    if (this.policy.restart === 'permanent') this.hurt(new ActorEndedError(path), 'receiving');
    else this.leave({ kind: 'ended' });
  }

  leave(reason: StopReason): void {
    if (this.leaving !== undefined) return;
    this.leaving = reason;
    this.incarnation?.scope.close();
    this.code.hurry();
    this.ref.wake();
  }

  goDown(done: () => void): void {
    this.onUp = undefined;
    this.startDue = false;
    this.pause?.unsubscribe();
    if (this.phase === 'gone' || (this.phase === 'down' && !this.isLeaving)) {
      done();
      return;
    }
    this.onDown = done;
    if (this.phase === 'goingDown') return;
    this.downDue = true;
    this.code.hurry();
    this.ref.wake();
  }

  comeUp(delayMs: number, done: () => void): void {
    if (this.phase === 'gone') {
      done();
      return;
    }
    this.onUp = done;
    const start = (): void => {
      this.startDue = true;
      this.ref.wake();
    };
    if (delayMs === 0) start();
    else this.pause = this.kernel.clock.schedule(start, delayMs);
  }

  abandon(afterMs: number): void {
    if (this.phase === 'gone') return;
    this.leave({ kind: 'stopped' });
    this.children.abandonAll(afterMs);
    // It may only have waited for them, and have ended properly just now.
    if (this.state === 'stopped') return;
    const during = this.code.forget() ?? 'stopping';
    this.kernel.emit({ kind: 'abandoned', path: this.ref.path, during, afterMs });
    this.finish();
  }

  /** The incarnation is to end as soon as its code is at rest. */
  private get isDoomed(): boolean {
    return this.downDue || this.leaving !== undefined;
  }

  private bringUp(): void {
    const incarnation: Incarnation<M> = { scope: new Scope(this.ref) };
    const { scope } = incarnation;
    this.startDue = false;
    this.phase = 'starting';
    this.incarnation = incarnation;
    const start = (): void | Promise<void> => {
      const behavior = this.policy.behavior(scope);
      incarnation.receiver = typeof behavior === 'function' ? { receive: behavior } : behavior;
      return incarnation.receiver.started?.(scope);
    };
    this.code.run('starting', start, (failure) => {
      if (failure !== undefined) this.fail(failure.error, 'starting');
      else this.arrive();
      this.ref.wake();
    });
  }

  private arrive(): void {
    this.phase = 'up';
    if (this.isDoomed) return;
    this.upSinceMs = this.kernel.clock.now();
    if (this.starts++ > 0) this.kernel.emit({ kind: 'restarted', path: this.ref.path });
    const { onUp } = this;
    this.onUp = undefined;
    onUp?.();
  }

  private takeDown(): void {
    const { incarnation } = this;
    this.phase = 'goingDown';
    this.downDue = false;
    this.startDue = false;
    this.wound = undefined;
    this.pause?.unsubscribe();
    incarnation?.scope.close();
    this.ref.incarnationEnded();
    const hook = (): void | Promise<void> => incarnation?.receiver?.stopping?.(incarnation.scope);
    this.children.stopAll(() => {
      this.code.run('stopping', hook, (failure) => this.land(failure));
      this.code.hurry();
    });
  }

  private land(failure: Failure | undefined): void {
    if (failure !== undefined) this.report(failure.error, 'stopping');
    this.incarnation = undefined;
    this.phase = 'down';
    if (this.isLeaving) this.finish();
    else this.release();
  }

  private finish(): void {
    this.phase = 'gone';
    this.family.remove(this);
    this.ref.gone(this.leaving ?? { kind: 'stopped' });
    this.release();
    this.family.afterRemoval();
  }

  /** Whoever waits for it to be down, or up, need not wait any longer. */
  private release(): void {
    const { onDown, onUp } = this;
    this.onDown = undefined;
    onDown?.();
    if (this.phase !== 'gone') return;
    this.onUp = undefined;
    onUp?.();
  }

  /** An error on the way down, when nobody decides any more. */
  private report(error: unknown, during: Activity): void {
    const directive = this.isLeaving ? 'stop' : 'restart';
    this.kernel.emit({ kind: 'crashed', path: this.ref.path, error, during, directive });
  }
}
