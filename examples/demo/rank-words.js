// @ts-check

import { ignoreElements, lastValueFrom, merge, mergeMap, take, tap, toArray } from 'rxjs';
import { bootWorker } from 'rxrq';

/** @typedef {Array<[word: string, times: number]>} Ranking */

/**
 * Sends pages through three queues, each result becoming the next job, and adds up what the last one says.
 *
 * @param {import('rxrq').Rq} rq
 * @param {string[]} urls
 * @param {(done: number) => void} onProgress
 * @returns {Promise<{ ranked: number, top: Ranking }>}
 */
export const rankWords = async (rq, urls, onProgress) => {
  const toFetch = rq.queue('demo-fetch');
  const toCount = rq.queue('demo-count');
  const toRank = rq.queue('demo-rank');
  const worker = await bootWorker({
    // The last stage first: what is nearly done leaves before more comes in.
    queues: [toRank.name, toCount.name, toFetch.name],
    handlers: new URL('./handlers.js', import.meta.url),
    container: new URL('./container.js', import.meta.url),
    // These handlers wait for a site or are short: they may share this process.
    isolation: 'inline',
    handleSignals: false,
  });
  await toFetch.enqueueMany(urls.map((url) => ({ name: 'Ranking.fetch', args: [url] })));

  // Each emits the jobs that it made; both run for as long as this is subscribed to.
  const counting$ = toFetch.pipeline({ name: 'demo-count', to: toCount, call: 'Ranking.count' });
  const ranking$ = toCount.pipeline({ name: 'demo-rank', to: toRank, call: 'Ranking.rank' });
  let done = 0;
  const rankings = await lastValueFrom(
    merge(counting$.pipe(ignoreElements()), ranking$).pipe(
      mergeMap((job) => /** @type {Promise<Ranking>} */ (job.result({ timeoutMs: 10_000 }))),
      tap(() => onProgress(++done)),
      take(urls.length),
      toArray(),
    ),
  );
  await worker.stop();

  /** @type {Map<string, number>} */
  const total = new Map();
  for (const [word, times] of rankings.flat()) total.set(word, (total.get(word) ?? 0) + times);
  const top = [...total].sort(([a, n], [b, m]) => m - n || a.localeCompare(b)).slice(0, 8);
  return { ranked: rankings.length, top };
};
