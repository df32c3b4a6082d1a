import {
  concatMap,
  from,
  Observable,
  type ObservableInput,
  type OperatorFunction,
  throwError,
} from 'rxjs';
import type { Cursor } from '../redis/lifecycle-event.js';
import type { ResultEvent, ResultPage } from './results.js';

/** Jobs of a batch beyond which the next input waits for the next batch. */
const jobsAtOnce = 250;

/** What some inputs in a row became, and the place after them: to be written in one step. */
export interface Batch<J> {
  jobs: readonly J[];
  cursor: Cursor;
  /** How many results, gaps and lost ones it answers for; a batch of none only moves the place. */
  inputs: number;
}

interface Step<J> {
  item: ResultEvent<never>;
  jobs: readonly J[];
  /** It came while it was asked for, so that waiting for more costs no time. */
  isSync: boolean;
}

type Passage<J> = { kind: 'batch'; batch: Batch<J> } | { kind: 'failure'; error: unknown };

/**
 * From pages of results to the jobs of the next queue. Each input goes alone through `jobsOf` and emits its
 * jobs as one array, so that it is known which jobs belong to it and when it is done, whatever operators are
 * in there. `pass` writes a batch and emits what was written; the next page is asked for only after it
 * completed. An input that fails ends the stream with its error, after the inputs before it were passed.
 */
export const toQueue = <T, J, Written>(
  jobsOf: (item: ResultEvent<T>) => Observable<readonly J[]>,
  pass: (batch: Batch<J>) => ObservableInput<Written>,
): OperatorFunction<ResultPage<T>, Written> =>
  concatMap((page) =>
    from(page.items).pipe(
      concatMap((item) => stepOf(item as ResultEvent<never>, jobsOf(item))),
      gather(page.cursor),
      concatMap((passage) =>
        passage.kind === 'batch' ? pass(passage.batch) : throwError(() => passage.error),
      ),
    ),
  );

const stepOf = <J>(
  item: ResultEvent<never>,
  jobs$: Observable<readonly J[]>,
): Observable<Step<J>> =>
  new Observable((subscriber) => {
    let isSync = true;
    const subscription = jobs$.subscribe({
      next: (jobs) => subscriber.next({ item, jobs, isSync }),
      error: (error) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
    isSync = false;
    return subscription;
  });

// An error that came through as an error would cancel the write of what was before it.
const gather =
  <J>(pageCursor: Cursor): OperatorFunction<Step<J>, Passage<J>> =>
  (step$) =>
    new Observable((subscriber) => {
      let jobs: J[] = [];
      let inputs = 0;
      let cursor: Cursor | null = null;
      const flush = (until: Cursor | null): void => {
        if (until !== null)
          subscriber.next({ kind: 'batch', batch: { jobs, cursor: until, inputs } });
        [jobs, inputs, cursor] = [[], 0, null];
      };
      return step$.subscribe({
        next: ({ item, jobs: made, isSync }) => {
          jobs.push(...made);
          inputs += 1;
          // A gap has no place of its own: it goes with the next input.
          if (item.kind !== 'gap') cursor = item.cursor;
          if (!isSync || jobs.length >= jobsAtOnce) {
            if (cursor !== null) flush(cursor);
          }
        },
        error: (error) => {
          flush(cursor);
          subscriber.next({ kind: 'failure', error });
          subscriber.complete();
        },
        complete: () => {
          flush(pageCursor);
          subscriber.complete();
        },
      });
    });
