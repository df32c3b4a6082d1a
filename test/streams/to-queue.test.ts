import { describe, expect, it } from '@jest/globals';
import { defer, EMPTY, map, NEVER, type Observable, of, repeat, throwError, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { ResultEvent, ResultPage } from '../../src/streams/results.js';
import { type Batch, toQueue } from '../../src/streams/to-queue.js';

type Item = ResultEvent<string>;

const item = (value: string, n: number): Item => ({
  kind: 'result',
  queue: 'q',
  jobId: value,
  value,
  cursor: `1-1.${n}`,
  finishedAt: new Date(0),
});
const page = (cursor: string, ...values: string[]): ResultPage<string> => ({
  items: values.map(item),
  cursor,
});

/** Items named `x…` are dropped, `bad` fails, `twice` makes two jobs, the rest one. */
const jobsOf = (event: Item): Observable<string[]> => {
  if (event.kind !== 'result') return of([]);
  if (event.value === 'bad') return throwError(() => 'bad');
  if (event.value.startsWith('x')) return of([]);
  return of(event.value === 'twice' ? ['twice-0', 'twice-1'] : [event.value]);
};

const run = (check: Parameters<TestScheduler['run']>[0]) =>
  new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(check);

describe('toQueue', () => {
  it('is silent where nothing comes, and ends where nothing is left', () => {
    run(({ cold, expectObservable }) => {
      const sink = toQueue(jobsOf, () => EMPTY);
      expectObservable(cold<ResultPage<string>>('-').pipe(sink)).toBe('-');
      expectObservable(cold<ResultPage<string>>('|').pipe(sink)).toBe('|');
      expectObservable(cold<ResultPage<string>>('--#').pipe(sink)).toBe('--#');
    });
  });

  it('writes one page after the other, however fast they come', () => {
    run(({ hot, cold, expectObservable }) => {
      const page$ = hot('ab|', { a: page('1-1', 'a'), b: page('2-1', 'b') });
      const write = ({ jobs }: Batch<string>) =>
        cold('---(w|)', { w: jobs }).pipe(map((written) => written.join()));
      expectObservable(page$.pipe(toQueue(jobsOf, write))).toBe('---a--(b|)');
    });
  });

  it('asks for the next page only when the write is done', () => {
    run(({ cold, expectObservable }) => {
      let asked = 0;
      const page$ = defer(() => of(page(`${++asked}-1`, `p${asked}`)));
      const write = ({ jobs }: Batch<string>) =>
        cold('-----(w|)').pipe(map(() => `${jobs} of ${asked}`));
      expectObservable(page$.pipe(toQueue(jobsOf, write), repeat(3))).toBe('-----a----b----(c|)', {
        a: 'p1 of 1',
        b: 'p2 of 2',
        c: 'p3 of 3',
      });
    });
  });

  it('writes what comes at once together, with the place after it', () => {
    run(({ cold, expectObservable }) => {
      const page$ = cold('p|', { p: page('9-0', 'a', 'x', 'twice', 'b') });
      const written = { jobs: ['a', 'twice-0', 'twice-1', 'b'], cursor: '9-0', inputs: 4 };
      expectObservable(page$.pipe(toQueue(jobsOf, (batch) => of(batch)))).toBe('w|', {
        w: written,
      });
    });
  });

  it('moves the place past what was dropped, and past nothing at all', () => {
    run(({ cold, expectObservable }) => {
      const page$ = cold('pq|', { p: page('8-0', 'x1', 'x2'), q: page('9-0') });
      expectObservable(page$.pipe(toQueue(jobsOf, (batch) => of(batch)))).toBe('wv|', {
        w: { jobs: [], cursor: '8-0', inputs: 2 },
        v: { jobs: [], cursor: '9-0', inputs: 0 },
      });
    });
  });

  it('writes what was before a failing input, and then ends with its error', () => {
    run(({ cold, expectObservable }) => {
      const page$ = cold('p', { p: page('9-0', 'a', 'b', 'bad', 'c') });
      const write = (batch: Batch<string>) => cold('---(w|)', { w: batch });
      expectObservable(page$.pipe(toQueue(jobsOf, write))).toBe(
        '---(w#)',
        { w: { jobs: ['a', 'b'], cursor: '1-1.1', inputs: 2 } },
        'bad',
      );
    });
  });

  it('writes nothing when the first input fails', () => {
    run(({ cold, expectObservable }) => {
      const page$ = cold('p', { p: page('9-0', 'bad', 'c') });
      const write = () => throwError(() => 'written');
      expectObservable(page$.pipe(toQueue(jobsOf, write))).toBe('#', {}, 'bad');
    });
  });

  it('lets no input wait for one that takes its time', () => {
    run(({ cold, expectObservable }) => {
      const slowly = (event: Item) =>
        timer(4).pipe(map(() => [(event as { jobId: string }).jobId]));
      const page$ = cold('p', { p: page('9-0', 'a', 'b') });
      const sink = toQueue(slowly, ({ jobs, cursor }: Batch<string>) => of(`${jobs}@${cursor}`));
      expectObservable(page$.pipe(sink), '^---------!').toBe('----a---(bc)', {
        a: 'a@1-1.0',
        b: 'b@1-1.1',
        c: '@9-0',
      });
    });
  });

  it('leaves with its subscriber, in the middle of an input and of a write', () => {
    run(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const page$ = hot('-p', { p: page('9-0', 'a') });
      const write$ = cold('-----w');
      const item$ = cold<string[]>('-----');
      expectObservable(page$.pipe(toQueue(jobsOf, () => write$)), '^--!').toBe('----');
      expectObservable(
        page$.pipe(
          toQueue(
            () => item$,
            () => NEVER,
          ),
        ),
        '^--!',
      ).toBe('----');
      expectSubscriptions(write$.subscriptions).toBe('-^-!');
      expectSubscriptions(item$.subscriptions).toBe('-^-!');
    });
  });

  it('cuts a flood of jobs into writes of bearable size', () => {
    run(({ cold, expectObservable }) => {
      const many = () => of(Array.from({ length: 200 }, () => 'j'));
      const page$ = cold('(p|)', { p: page('9-0', 'a', 'b', 'c') });
      const sizes$ = page$.pipe(
        toQueue(many, ({ jobs, cursor }) => of(`${jobs.length}@${cursor}`)),
      );
      expectObservable(sizes$).toBe('(ab|)', { a: '400@1-1.1', b: '200@9-0' });
    });
  });
});
