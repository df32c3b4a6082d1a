import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { firstValueFrom, take } from 'rxjs';
import { keys } from '../../src/redis/keys.js';
import { Rq } from '../../src/streams/rq.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { misplaced } from './support/places.js';

let server: Awaited<ReturnType<typeof startPrivateRedis>>;
let redis: Redis;
let rq: Rq;
const troubles: string[] = [];

beforeAll(async () => {
  server = await startPrivateRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
});
afterAll(() => server.stop());
beforeEach(async () => {
  redis = new Redis(server.url);
  redis.on('error', () => undefined);
  await redis.flushall();
  troubles.length = 0;
  rq = new Rq({ url: server.url, onTrouble: (error) => troubles.push(String(error)) });
});
afterEach(async () => {
  await rq.close();
  redis.disconnect();
});

const fill = async (count: number): Promise<string[]> => {
  const specs = Array.from({ length: count }, (_, n) => ({ name: 'f', args: [n] }));
  return (await rq.queue('q').enqueueMany(specs)).map(({ id }) => id);
};

describe('the intake', () => {
  it('waits for a Redis that is down when it begins', async () => {
    await fill(1);
    await server.kill();
    const other = new Rq({ url: server.url });
    const delivery = firstValueFrom(other.queue('q').deliveries$().pipe(take(1)));
    await server.restart();
    expect(await (await delivery).finish()).toBe('finished');
    await other.close();
  });

  it('loses nothing and runs nothing twice through restarts', async () => {
    const ids = await fill(300);
    const seen: string[] = [];
    const verdicts: string[] = [];
    rq.queue('q')
      .deliveries$({ concurrency: 10 })
      .subscribe(async (delivery) => {
        seen.push(delivery.jobId);
        verdicts.push(await delivery.finish());
      });
    for (const due of [50, 150]) {
      await until(`${due} are settled`, () => verdicts.length >= due);
      await server.restart();
    }
    await until('all are settled', () => verdicts.length === 300);
    expect(new Set(seen).size).toBe(300);
    expect(seen).toHaveLength(300);
    expect(new Set(verdicts)).toEqual(new Set(['finished']));
    expect(await misplaced(redis, 'q', ids)).toEqual([]);
    expect(troubles).toEqual([]);
  });

  it('leaves a queue alone that it cannot claim from, says so once, and goes on when it is mended', async () => {
    const seen: unknown[] = [];
    rq.queue('q')
      .deliveries$({ concurrency: 10 })
      .subscribe((delivery) => {
        seen.push(delivery.call().args[0]);
        void delivery.finish();
      });
    await fill(1);
    await until('it works', () => seen.length === 1);
    await until('nothing runs', async () => (await redis.exists(keys.wip('q'))) === 0);
    await redis.set(keys.wip('q'), 'no registry');
    await fill(20);
    await until('it was told', () => troubles.length > 0);
    await until('all are back', async () => (await rq.queue('q').length()) === 20);
    expect(await redis.llen(keys.intermediate('q'))).toBe(0);
    await redis.del(keys.wip('q'));
    await until('all came', () => seen.length === 21, { deadlineMs: 15_000 });
    expect(seen.slice(1)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(troubles.filter((text) => text.includes('rq:wip:q'))).toHaveLength(1);
  });

  it('keeps an outcome that Redis would not take until it does', async () => {
    await fill(1);
    const delivery = await firstValueFrom(rq.queue('q').deliveries$().pipe(take(1)));
    await redis.set(keys.finished('q'), 'no registry');
    const verdict = delivery.finish('kept');
    await until('it was told', () => troubles.length > 0);
    await redis.del(keys.finished('q'));
    expect(await verdict).toBe('finished');
    expect(await rq.queue('q').job(delivery.jobId).result({ timeoutMs: 1_000 })).toBe('kept');
  });

  it('claims over maxmemory, where the blocking pop is refused', async () => {
    await fill(3);
    await redis.config('SET', 'maxmemory', '1');
    try {
      const delivery = await firstValueFrom(rq.queue('q').deliveries$().pipe(take(1)));
      expect(await delivery.finish()).toBe('finished');
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
  });

  it('keeps the leases of the other queues when one queue is refused', async () => {
    const quick = new Rq({ url: server.url, wire: { narrowLeaseMs: 400 } });
    const subscription = quick.deliveries$(['broken', 'q']).subscribe();
    await until('it has a lease', async () => (await redis.zcard(keys.leases('q'))) === 1);
    await redis.del(keys.leases('broken'));
    await redis.set(keys.leases('broken'), 'no leases');
    const [tag = ''] = await redis.zrange(keys.leases('q'), '0', '-1');
    const first = await redis.zscore(keys.leases('q'), tag);
    await until('it is renewed', async () => (await redis.zscore(keys.leases('q'), tag)) !== first);
    subscription.unsubscribe();
    await until('it is given back', async () => (await redis.exists(keys.leases('q'))) === 0);
    await quick.close();
  });
});
