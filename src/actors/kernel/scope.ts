import { Subscription } from 'rxjs';
import type {
  ActorContext,
  ActorRef,
  ActorSpec,
  SystemView,
  Terminated,
  TimerHandle,
} from './behavior.js';
import { ActorStoppedError } from './errors.js';
import type { Kernel } from './kernel.js';

/** A message that goes ahead of the mailbox: a timer's, or the news of a death. */
export interface Signal<M> {
  canceled: boolean;
  /** In the actor's lane now. */
  waiting: boolean;
  message(): M;
}

/** The actor, as its scope needs it. */
export interface ScopeOwner<M> extends ActorRef<M> {
  readonly kernel: Kernel;
  adopt<C>(spec: ActorSpec<C>): ActorRef<C>;
  signal(signal: Signal<M>): void;
  end(): void;
}

/**
 * The context of one incarnation, and the owner of its timers and watches. Code of an earlier
 * incarnation may still be running somewhere; through its closed scope it reaches nothing any more.
 */
export class Scope<M> implements ActorContext<M> {
  private readonly held = new Subscription();
  private abort: AbortController | undefined;

  constructor(private readonly owner: ScopeOwner<M>) {}

  get self(): ActorRef<M> {
    return this.owner;
  }

  get system(): SystemView {
    return this.owner.kernel;
  }

  get signal(): AbortSignal {
    this.abort ??= new AbortController();
    if (this.held.closed) this.abort.abort(this.stopped('its work is given up'));
    return this.abort.signal;
  }

  spawn<C>(spec: ActorSpec<C>): ActorRef<C> {
    if (this.held.closed) throw this.stopped(`it cannot spawn '${spec.name}'`);
    return this.owner.adopt(spec);
  }

  watch(ref: ActorRef<never>, makeMessage: (terminated: Terminated) => M): TimerHandle {
    let news: Terminated;
    const signal: Signal<M> = { canceled: false, waiting: false, message: () => makeMessage(news) };
    const watching = ref.terminated$.subscribe((terminated) => {
      news = terminated;
      this.raise(signal);
    });
    return this.hold(signal, watching);
  }

  schedule(afterMs: number, message: M): TimerHandle {
    const signal: Signal<M> = { canceled: false, waiting: false, message: () => message };
    const timer = this.owner.kernel.clock.schedule(() => {
      // A clock keeps what has run; letting go here keeps ten thousand one-shot timers from piling up.
      timer.unsubscribe();
      this.raise(signal);
    }, afterMs);
    return this.hold(signal, timer);
  }

  every(periodMs: number, message: M): TimerHandle {
    const raise = (): void => this.raise(signal);
    const signal: Signal<M> = { canceled: false, waiting: false, message: () => message };
    const timer = this.owner.kernel.clock.schedule(function (this) {
      raise();
      this.schedule(undefined, periodMs);
    }, periodMs);
    return this.hold(signal, timer);
  }

  end(): void {
    if (!this.held.closed) this.owner.end();
  }

  close(): void {
    this.held.unsubscribe();
    this.abort?.abort(this.stopped('its work is given up'));
  }

  private raise(signal: Signal<M>): void {
    // One slow `receive` must not be followed by a burst of all the ticks it has missed.
    if (signal.waiting || signal.canceled || this.held.closed) return;
    signal.waiting = true;
    this.owner.signal(signal);
  }

  private hold(signal: Signal<M>, source: Subscription): TimerHandle {
    this.held.add(source);
    return {
      cancel: () => {
        signal.canceled = true;
        source.unsubscribe();
      },
    };
  }

  private stopped(attempt: string): ActorStoppedError {
    return new ActorStoppedError(this.owner.path, attempt);
  }
}
