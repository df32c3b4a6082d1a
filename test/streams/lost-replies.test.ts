import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { firstValueFrom, take } from 'rxjs';
import {
  RedisFullError,
  RedisUnavailableError,
  UncertainWriteError,
} from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { ofKind } from '../../src/streams/of-kind.js';
import { Rq } from '../../src/streams/rq.js';
import { LossyProxy } from '../support/lossy-proxy.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { misplaced, placesOf } from './support/places.js';

let server: Awaited<ReturnType<typeof startPrivateRedis>>;
let proxy: LossyProxy;
let redis: Redis;
/** Its replies may be lost. */
let rq: Rq;
/** Its replies are not. */
let safe: Rq;

beforeAll(async () => {
  server = await startPrivateRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  proxy = await LossyProxy.start(server.port);
  redis = new Redis(server.url);
  await redis.flushall();
  rq = new Rq({ url: proxy.url });
  safe = new Rq({ url: server.url });
});
afterEach(async () => {
  proxy.mode = { kind: 'pass' };
  await Promise.all([rq.close(), safe.close()]);
  redis.disconnect();
  await proxy.stop();
});

/** Cuts about one reply in `of`, the same ones in every run. */
const cutSome = (of: number): void => {
  let state = 42;
  const when = (): boolean => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor(state / 65_536) % of === 0;
  };
  proxy.mode = { kind: 'cut', when };
};

describe('when replies are lost', () => {
  it('waits on for results whose replies were cut off in their midst', async () => {
    const jobs = await Promise.all(Array.from({ length: 20 }, () => safe.queue('q').enqueue('f')));
    const value = 'x'.repeat(10_000);
    for (const { id } of jobs)
      await redis.hset(keys.job(id), { status: 'finished', result: JSON.stringify(value) });
    const stream = () => (rq.redis as unknown as { stream: Socket }).stream;
    await rq.redis.ping();
    const before = stream().bytesRead;
    proxy.mode = { kind: 'trickle', bytes: 5_000, everyMs: 5 };
    const results = jobs.map(({ id }) => rq.queue('q').job(id).result({ timeoutMs: 20_000 }));
    await until('some of them have come', () => stream().bytesRead > before + 30_000);
    proxy.mode = { kind: 'pass' };
    proxy.cutAll();
    expect(new Set(await Promise.all(results))).toEqual(new Set([value]));
  });

  it('says of a refusal after one that the job may have been written', async () => {
    await rq.queue('q').enqueue('f');
    // Who is connected stays so, and whoever comes back is refused.
    await redis.config('SET', 'requirepass', 'another');
    try {
      proxy.mode = { kind: 'lose', matching: 'lost-1' };
      const asked = rq.queue('q').enqueueWith({ jobId: 'lost-1' }, 'f');
      const refusal = await asked.catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(UncertainWriteError);
      expect(String(refusal)).toMatch(/NOAUTH.*may have been written/);
      expect(await redis.exists(keys.job('lost-1'))).toBe(1);
      const refused = rq.queue('q').enqueueWith({ jobId: 'lost-2' }, 'f');
      await expect(refused).rejects.toThrow(/NOAUTH/);
      expect(await redis.exists(keys.job('lost-2'))).toBe(0);
    } finally {
      await redis.config('SET', 'requirepass', '');
    }
  });

  it('says the same of a full Redis: the network may still hold up what was sent before', async () => {
    await rq.queue('q').enqueue('f');
    await redis.config('SET', 'maxmemory', '1');
    server.freeze();
    try {
      const asked = rq.queue('q').enqueue('g');
      await new Promise(setImmediate);
      proxy.cutAll();
      server.thaw();
      await expect(asked).rejects.toThrow(UncertainWriteError);
      await expect(rq.queue('q').enqueue('h')).rejects.toThrow(RedisFullError);
    } finally {
      server.thaw();
      await redis.config('SET', 'maxmemory', '0');
    }
  });

  it('claims and settles each job once', async () => {
    const specs = Array.from({ length: 250 }, () => ({ name: 'f' }));
    const ids = (await safe.queue('q').enqueueMany(specs)).map(({ id }) => id);
    const seen: string[] = [];
    let settled = 0;
    await rq.redis.ping();
    cutSome(6);
    rq.queue('q')
      .deliveries$({ concurrency: 8 })
      .subscribe(async (delivery) => {
        seen.push(delivery.jobId);
        expect(await delivery.finish(delivery.jobId)).toBe('finished');
        settled += 1;
      });
    await until('all are settled', () => settled === 250, { deadlineMs: 15_000 });
    proxy.mode = { kind: 'pass' };
    expect(proxy.cuts).toBeGreaterThan(8);
    expect(seen).toHaveLength(250);
    expect(new Set(seen).size).toBe(250);
    expect(await misplaced(redis, 'q', ids)).toEqual([]);
    expect((await placesOf(redis, 'q')).get('finished')).toHaveLength(250);
    const attempts = await Promise.all(ids.map((id) => redis.hget(keys.job(id), 'x_attempt')));
    expect(new Set(attempts)).toEqual(new Set(['1']));
  });

  it('enqueues each job once', async () => {
    await rq.redis.ping();
    cutSome(4);
    const queue = rq.queue('q');
    const ids: string[] = [];
    for (let n = 0; n < 20; n++) {
      const jobs = await Promise.all([queue.enqueue('f', n), queue.enqueue('g', n)]);
      ids.push(...jobs.map(({ id }) => id));
    }
    expect(proxy.cuts).toBeGreaterThan(2);
    expect(await redis.lrange(keys.queue('q'), 0, -1)).toEqual(ids);
  });

  it('passes each result of a pipeline on once', async () => {
    const specs = Array.from({ length: 300 }, (_, n) => ({ name: 'f', args: [n] }));
    await safe.queue('a').enqueueMany(specs);
    safe
      .queue('a')
      .deliveries$({ concurrency: 5 })
      .subscribe((delivery) => delivery.finish(delivery.call().args[0]));
    await rq.redis.ping();
    cutSome(6);
    const emitted: string[] = [];
    const pipe$ = rq.queue('a').pipeline({ name: 'p', to: rq.queue('b'), call: 'g' });
    const subscription = pipe$.subscribe(({ id }) => emitted.push(id));
    await until('all were passed on', () => emitted.length === 300, { deadlineMs: 15_000 });
    subscription.unsubscribe();
    expect(await redis.lrange(keys.queue('b'), 0, -1)).toEqual(emitted);
    const args = (await safe.queue('b').jobs(0, 300)).map(({ call }) => call?.args[0]);
    expect([...args].sort((a, b) => Number(a) - Number(b))).toEqual(specs.map((_, n) => n));
  });

  it('settles once over a network that swallows replies without closing', async () => {
    await safe.queue('q').enqueue('f');
    const delivery = await firstValueFrom(rq.queue('q').deliveries$().pipe(take(1)));
    proxy.mode = { kind: 'drop' };
    const verdict = delivery.finish('done');
    const event$ = (await safe.queue('q').events('start').ready()).pipe(ofKind('finished'));
    expect((await firstValueFrom(event$)).jobId).toBe(delivery.jobId);
    proxy.mode = { kind: 'pass' };
    expect(await verdict).toBe('finished');
  });

  it('says in time that it does not know, and is right to be asked again', async () => {
    const impatient = new Rq({ url: proxy.url, enqueueDeadlineMs: 400 });
    await impatient.redis.ping();
    proxy.mode = { kind: 'drop' };
    const beganMs = performance.now();
    const options = { jobId: 'once' };
    const error = await impatient
      .queue('q')
      .enqueueWith(options, 'f')
      .catch((reason: unknown) => reason);
    expect(performance.now() - beganMs).toBeLessThan(4_000);
    expect(error).toBeInstanceOf(RedisUnavailableError);
    expect((error as RedisUnavailableError).maybeWritten).toBe(true);
    proxy.mode = { kind: 'pass' };
    proxy.cutAll();
    await impatient.queue('q').enqueueWith({ ...options, onDuplicate: 'keep' }, 'f');
    expect(await redis.lrange(keys.queue('q'), 0, -1)).toEqual(['once']);
    await impatient.close();
  });

  it('waits for replies that come late', async () => {
    proxy.mode = { kind: 'delay', ms: 150 };
    await rq.queue('q').enqueue('f');
    const delivery = await firstValueFrom(rq.queue('q').deliveries$().pipe(take(1)));
    expect(await delivery.finish()).toBe('finished');
  });
});
