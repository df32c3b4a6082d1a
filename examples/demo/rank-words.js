// @ts-check

import { firstValueFrom, mergeMap, take, toArray } from 'rxjs';
import { bootWorker, ofKind } from 'rxrq';

/**
 * Sends pages through three queues, each result into the next, and adds up what the last one says.
 *
 * @param {import('rxrq').Rq} rq
 * @param {string[]} urls
 * @param {import('./screen.js').Screen} screen
 * @returns {Promise<{ ranked: number, top: Array<[word: string, times: number]> }>}
 */
export const rankWords = async (rq, urls, screen) => {
  const toFetch = rq.queue('demo-fetch');
  const toCount = rq.queue('demo-count');
  const toRank = rq.queue('demo-rank');
  const worker = await bootWorker({
    // The last stage first: what is nearly done leaves before more comes in.
    queues: [toRank.name, toCount.name, toFetch.name],
    handlers: new URL('./handlers.js', import.meta.url),
    container: new URL('./container.js', import.meta.url),
    isolation: 'inline',
    handleSignals: false,
  });
  const stages = [feed(toFetch, toCount, 'Ranking.count'), feed(toCount, toRank, 'Ranking.rank')];
  const results = firstValueFrom(
    toRank.events$.pipe(
      ofKind('finished'),
      mergeMap(({ jobId }) => toRank.job(jobId).result({ timeoutMs: 5_000 })),
      take(urls.length),
      toArray(),
    ),
  );
  screen.expect('ranked', urls.length);
  await toFetch.enqueueMany(urls.map((url) => ({ name: 'Ranking.fetch', args: [url] })));
  const rankings = /** @type {Array<Array<[string, number]>>} */ (await results);
  for (const stage of stages) stage.unsubscribe();
  await worker.stop();

  /** @type {Map<string, number>} */
  const total = new Map();
  for (const [word, times] of rankings.flat()) total.set(word, (total.get(word) ?? 0) + times);
  const top = [...total].sort(([a, n], [b, m]) => m - n || a.localeCompare(b)).slice(0, 8);
  return { ranked: rankings.length, top };
};

/** @param {import('rxrq').Queue} from @param {import('rxrq').Queue} to @param {string} handler */
const feed = (from, to, handler) =>
  from.events$
    .pipe(
      ofKind('finished'),
      mergeMap(async ({ jobId }) =>
        to.enqueue(handler, await from.job(jobId).result({ timeoutMs: 5_000 })),
      ),
    )
    .subscribe();
