import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { lastValueFrom, type Observable, take, toArray } from 'rxjs';
import { keys } from '../../src/redis/keys.js';
import type { ResultEvent } from '../../src/streams/results.js';
import { Rq } from '../../src/streams/rq.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { until } from '../support/until.js';

let redis: FreshRedis;
let rq: Rq;

beforeAll(async () => {
  redis = await freshRedis();
});
afterAll(() => redis.close());
beforeEach(async () => {
  await redis.client.flushdb();
  rq = new Rq({ url: redis.url });
});
afterEach(() => rq.close());

const first = (result$: Observable<ResultEvent>, count: number): Promise<ResultEvent[]> =>
  lastValueFrom(result$.pipe(take(count), toArray()));
const values = (results: readonly ResultEvent[]) =>
  results.map((result) => (result.kind === 'result' ? result.value : result.kind));
/** Runs what is enqueued; each job returns its argument. */
const work = (queue = 'q') =>
  rq
    .queue(queue)
    .deliveries$({ concurrency: 20 })
    .subscribe((delivery) => delivery.finish(delivery.call().args[0]));
const enqueue = (from: number, to: number) =>
  rq
    .queue('q')
    .enqueueMany(Array.from({ length: to - from }, (_, n) => ({ name: 'f', args: [from + n] })));

describe('results', () => {
  it('brings what jobs returned, in the order in which they finished', async () => {
    const live: ResultEvent[] = [];
    rq.queue('q').results$.subscribe((result) => live.push(result));
    work();
    const jobs = await enqueue(0, 450);
    await until('all came', () => live.length === 450);
    const numbers = values(live) as number[];
    expect([...numbers].sort((a, b) => a - b)).toEqual(jobs.map((_, n) => n));
    const replayed = await first(rq.queue('q').results('start'), 450);
    expect(replayed).toEqual(live);
    expect(live[0]).toMatchObject({ kind: 'result', queue: 'q', jobId: expect.any(String) });
    expect((live[0] as { finishedAt: Date }).finishedAt.getTime()).toBeGreaterThan(1e12);
  });

  it('goes on after a cursor', async () => {
    work();
    await enqueue(0, 300);
    const all = await first(rq.queue('q').results('start'), 300);
    const { cursor } = all[120] as ResultEvent & { cursor: string };
    expect(await first(rq.queue('q').results(cursor), 179)).toEqual(all.slice(121));
  });

  it('reads the hash, RQ’s stream, and the lack of a result', async () => {
    const queue = rq.queue('q');
    await queue.enqueueWith({ jobId: 'streamed', results: 'stream' }, 'f', 'in the stream');
    await queue.enqueueWith({ jobId: 'none', results: 'stream' }, 'f');
    await queue.enqueueWith({ jobId: 'hashed', serializer: 'pickle' }, 'f', 'in the hash');
    await queue.enqueueWith({ jobId: 'empty' }, 'f');
    work();
    const found = values(await first(queue.results('start'), 4));
    expect(found.sort()).toEqual(['in the hash', 'in the stream', null, null]);
  });

  it('tells of results that are gone, and never skips one', async () => {
    const queue = rq.queue('q');
    work();
    await queue.enqueueWith({ jobId: 'kept' }, 'f', 1);
    await queue.enqueueWith({ jobId: 'gone', resultTtlSeconds: 0 }, 'f', 2);
    await queue.enqueueWith({ jobId: 'odd' }, 'f', 3);
    await queue.enqueueWith({ jobId: 'again' }, 'f', 4);
    await first(queue.results('start'), 4);
    await redis.client.hset(keys.job('odd'), 'result', '{');
    await redis.client.hset(keys.job('again'), 'status', 'queued');
    const found = await first(queue.results('start'), 4);
    const told = new Map(
      found.map((result) => [
        result.kind === 'gap' ? 'gap' : result.jobId,
        result.kind === 'missing' ? result.why : result.kind,
      ]),
    );
    expect(Object.fromEntries(told)).toEqual({
      kept: 'result',
      gone: 'expired',
      odd: 'undecodable',
      again: 'runs again',
    });
  });

  it('tells of a gap', async () => {
    work();
    for (let n = 0; n < 4; n++) {
      await enqueue(n, n + 1);
      await first(rq.queue('q').results('start'), n + 1);
    }
    const all = (await first(rq.queue('q').results('start'), 4)) as Array<
      ResultEvent & { cursor: string }
    >;
    await redis.client.xtrim(
      keys.events('q'),
      'MINID',
      (all[2]?.cursor ?? '').split('.')[0] as string,
    );
    const found = await first(rq.queue('q').results(all[0]?.cursor ?? ''), 3);
    expect(values(found)).toEqual(['gap', 2, 3]);
  });

  it('refuses what is no cursor, and stops with its subscriber and its Rq', async () => {
    expect(() => rq.queue('q').results('soon')).toThrow(RangeError);
    rq.queue('q').results('start').subscribe().unsubscribe();
    const other = new Rq({ url: redis.url });
    const all = lastValueFrom(other.queue('q').results('start').pipe(toArray()));
    await other.close();
    expect(await all).toEqual([]);
  });
});
