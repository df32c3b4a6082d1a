import { describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom, map, merge, Subject, take, tap, throwError, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { IsolatedObservable } from '../../../src/actors/kernel/isolated-observable.js';

const boom = (): never => {
  throw new Error('boom');
};

const make = () => {
  const source = new Subject<number>();
  const errors: unknown[] = [];
  const stream$ = new IsolatedObservable(source, (error) => errors.push(error));
  return { source, errors, stream$ };
};

describe('IsolatedObservable', () => {
  it.each([
    ['a function', { subscribe: (s: IsolatedObservable<number>) => s.subscribe(boom) }],
    ['an observer', { subscribe: (s: IsolatedObservable<number>) => s.subscribe({ next: boom }) }],
    [
      'a pipe',
      { subscribe: (s: IsolatedObservable<number>) => s.pipe(map(String)).subscribe(boom) },
    ],
    [
      'a pipe of a pipe',
      {
        subscribe: (s: IsolatedObservable<number>) =>
          s.pipe(map(String)).pipe(filter(Boolean)).subscribe(boom),
      },
    ],
    [
      'an operator, nobody listening for errors',
      { subscribe: (s: IsolatedObservable<number>) => s.pipe(tap(boom)).subscribe() },
    ],
  ])('hears what %s throws', (_, { subscribe }) => {
    const { source, errors, stream$ } = make();
    const seen: number[] = [];
    subscribe(stream$);
    stream$.subscribe((n) => seen.push(n));
    source.next(1);
    expect(errors).toEqual([new Error('boom')]);
    expect(seen).toEqual([1]);
  });

  it('goes on with a subscriber that threw', () => {
    const { source, errors, stream$ } = make();
    stream$.subscribe(boom);
    source.next(1);
    source.next(2);
    expect(errors).toHaveLength(2);
  });

  it('hears what a completion throws, and an error that nobody takes', () => {
    const { source, errors, stream$ } = make();
    stream$.subscribe({ complete: boom });
    source.complete();
    new IsolatedObservable(throwError(boom), (error) => errors.push(error)).subscribe();
    expect(errors).toEqual([new Error('boom'), new Error('boom')]);
  });

  it('leaves an error to the subscriber that takes it', () => {
    const { source, errors, stream$ } = make();
    const taken: unknown[] = [];
    stream$.pipe(tap(boom)).subscribe({ error: (error) => taken.push(error) });
    source.next(1);
    expect([errors, taken]).toEqual([[], [new Error('boom')]]);
  });

  it('lets go of its source', () => {
    const { source, stream$ } = make();
    const subscription = merge(stream$, stream$.pipe(take(1))).subscribe();
    expect(source.observed).toBe(true);
    subscription.unsubscribe();
    expect(source.observed).toBe(false);
  });

  it('is a stream like any other', async () => {
    const { source, stream$ } = make();
    const all = firstValueFrom(stream$.pipe(toArray()));
    source.next(1);
    source.complete();
    await expect(all).resolves.toEqual([1]);
    new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(
      ({ hot, cold, expectObservable }) => {
        for (const marbles of ['a-b-|', '--', '|', 'a-#']) {
          const isolated$ = new IsolatedObservable(cold(marbles), boom);
          expectObservable(isolated$.pipe(map((x) => x))).toBe(marbles);
        }
        const early$ = new IsolatedObservable(hot('a-b-c'), boom);
        expectObservable(early$, '---!').toBe('a-b');
      },
    );
  });
});
