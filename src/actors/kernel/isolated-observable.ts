import {
  Observable,
  type Observer,
  type OperatorFunction,
  Subscriber,
  type Subscription,
} from 'rxjs';

/**
 * A stream whose subscribers cannot hurt its owner. RxJS rethrows what a subscriber throws as an
 * uncaught exception, which ends the process; here it goes to `onSubscriberError`, and the other
 * subscribers, and this one's next value, go on.
 */
export class IsolatedObservable<T> extends Observable<T> {
  constructor(
    source: Observable<T>,
    private readonly onSubscriberError: (error: unknown) => void,
  ) {
    super((subscriber) => source.subscribe(subscriber));
  }

  override subscribe(
    observerOrNext?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // An operator's own subscriber turns what it throws into an error notification itself.
    if (observerOrNext instanceof Subscriber) return super.subscribe(observerOrNext);
    const observer =
      typeof observerOrNext === 'object' && observerOrNext !== null
        ? observerOrNext
        : {
            next: observerOrNext ?? undefined,
            error: error ?? undefined,
            complete: complete ?? undefined,
          };
    return super.subscribe({
      next: (value) => this.guard(() => observer.next?.(value)),
      error: (failure) =>
        this.guard(() => {
          if (!observer.error) throw failure;
          observer.error(failure);
        }),
      complete: () => this.guard(() => observer.complete?.()),
    });
  }

  // What is made from this stream must be isolated as well: the last link is the one that throws.
  // biome-ignore lint/suspicious/noExplicitAny: the ten overloads of `pipe` stay the public types.
  override pipe(...operators: OperatorFunction<any, any>[]): Observable<any> {
    const piped = operators.reduce<Observable<unknown>>(
      (source, operator) => operator(source),
      // The plain view: an operator must not find this `pipe` again.
      new Observable<T>((subscriber) => super.subscribe(subscriber)),
    );
    return new IsolatedObservable(piped, this.onSubscriberError);
  }

  private guard(notify: () => void): void {
    try {
      notify();
    } catch (error) {
      this.onSubscriberError(error);
    }
  }
}
