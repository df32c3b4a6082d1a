import { describe, expect, it } from '@jest/globals';
import { TestScheduler } from 'rxjs/testing';
import type { LifecycleEvent } from '../../src/redis/lifecycle-event.js';
import { ofKind } from '../../src/streams/of-kind.js';

const common = { queue: 'q', jobId: 'j', at: 0, cursor: '1-1.0', worker: '' };
const e: LifecycleEvent = { ...common, kind: 'enqueued' };
const s: LifecycleEvent = { ...common, kind: 'started', execution: 'x', attempt: 1 };
const f: LifecycleEvent = { ...common, kind: 'finished', execution: 'x', tookMs: 1 };

const run = (check: Parameters<TestScheduler['run']>[0]) =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(check);

describe('ofKind', () => {
  it('lets only the wanted kinds through', () => {
    run(({ hot, expectObservable }) => {
      const event$ = hot('e-s-f-|', { e, s, f });
      expectObservable(event$.pipe(ofKind('enqueued', 'finished'))).toBe('e---f-|', { e, f });
    });
  });

  it('passes nothing of nothing', () => {
    run(({ cold, expectObservable }) => {
      expectObservable(cold<LifecycleEvent>('|').pipe(ofKind('finished'))).toBe('|');
      expectObservable(cold<LifecycleEvent>('-').pipe(ofKind('finished'))).toBe('-');
    });
  });

  it('passes an error and an early unsubscribe on', () => {
    run(({ hot, expectObservable, expectSubscriptions }) => {
      const failing$ = hot<LifecycleEvent>('e-#', { e });
      expectObservable(failing$.pipe(ofKind('enqueued'))).toBe('e-#', { e });
      const event$ = hot<LifecycleEvent>('e-e-e', { e });
      expectObservable(event$.pipe(ofKind('enqueued')), '^--!').toBe('e-e', { e });
      expectSubscriptions(event$.subscriptions).toBe('^--!');
    });
  });

  it('narrows the type', () => {
    run(({ hot, expectObservable }) => {
      const seen: number[] = [];
      const finished$ = hot('f|', { f }).pipe(ofKind('finished'));
      finished$.subscribe(({ tookMs }) => seen.push(tookMs));
      expectObservable(finished$).toBe('f|', { f });
    });
  });
});
