import { asyncScheduler, type Observable, type SchedulerLike, Subject } from 'rxjs';
import type { SystemView } from './behavior.js';
import { Dispatcher, type Turn } from './dispatcher.js';
import { ActorCrashedError, ActorStoppedError, kindOf, MailboxFullError } from './errors.js';
import { IsolatedObservable } from './isolated-observable.js';
import type { DeadLetter, KernelEvent } from './kernel-event.js';

export interface KernelOptions {
  /** Default: rxjs asyncScheduler, that is, real timers. */
  clock?: SchedulerLike;
  /** How a turn of the actors is begun. Default: a microtask. Tests put it on their virtual clock. */
  turn?: Turn;
  /** In [0, 1), for the jitter of restarts. Default: Math.random. */
  random?: () => number;
  /** Hears what subscribers of the kernel's streams throw. Default: a process warning. */
  onSubscriberError?: (error: unknown) => void;
}

const warn = (error: unknown): void =>
  process.emitWarning(error instanceof Error ? error : `A subscriber threw ${String(error)}`);

/** What all actors of one system share. */
export class Kernel implements SystemView {
  readonly clock: SchedulerLike;
  readonly random: () => number;
  readonly dispatcher: Dispatcher;
  readonly events$: Observable<KernelEvent>;
  readonly deadLetters$: Observable<DeadLetter>;
  /** What to do about a message whose asker still waits. */
  readonly asked = new WeakMap<object, (failure: Error) => void>();
  private readonly events = new Subject<KernelEvent>();
  private readonly letters = new Subject<DeadLetter>();
  private readonly onSubscriberError: (error: unknown) => void;
  private lost = 0;

  constructor(options: KernelOptions) {
    this.clock = options.clock ?? asyncScheduler;
    this.random = options.random ?? Math.random;
    this.dispatcher = new Dispatcher(options.turn);
    this.onSubscriberError = options.onSubscriberError ?? warn;
    this.events$ = this.isolate(this.events);
    this.deadLetters$ = this.isolate(this.letters);
  }

  get deadLetterCount(): number {
    return this.lost;
  }

  emit(event: KernelEvent): void {
    this.events.next(event);
  }

  deadLetter(message: unknown, to: string, reason: DeadLetter['reason']): void {
    this.lost++;
    const letter: DeadLetter = { message, to, reason };
    this.letters.next(letter);
    this.emit({ kind: 'deadLetter', letter });
    this.failAsk(message, () =>
      reason === 'stopped'
        ? new ActorStoppedError(to, `'${kindOf(message)}' is not received`)
        : new MailboxFullError(to, kindOf(message)),
    );
  }

  crashedOn(message: unknown, path: string, error: unknown): void {
    this.failAsk(message, () => new ActorCrashedError(path, kindOf(message), error));
  }

  isolate<T>(source: Observable<T>): Observable<T> {
    return new IsolatedObservable(source, this.onSubscriberError);
  }

  complete(): void {
    this.letters.complete();
    this.events.complete();
  }

  private failAsk(message: unknown, failure: () => Error): void {
    if (typeof message !== 'object' || message === null) return;
    this.asked.get(message)?.(failure());
  }
}
