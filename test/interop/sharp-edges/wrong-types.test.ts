import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { bootWorker, Rq, type RunningWorker } from '../../../src/index.js';
import { type FreshRedis, freshRedis } from '../../support/redis.js';

const soon = { timeoutMs: 15_000 };

// No Python here: its own workers end where a key has a wrong type.
describe('a key of a wrong type', () => {
  let fresh: FreshRedis;
  let redis: Redis;
  let rq: Rq;
  let worker: RunningWorker | undefined;
  const troubles: string[] = [];
  beforeAll(async () => {
    fresh = await freshRedis();
    redis = fresh.client;
    rq = new Rq({ url: fresh.url });
  });
  afterEach(async () => {
    await worker?.stop({ graceMs: 0 });
    await redis.flushdb();
  });
  afterAll(async () => {
    await rq.close();
    await fresh.close();
  });

  const boot = async (queues: string[]) => {
    worker = await bootWorker({
      url: fresh.url,
      handlers: new URL('../fixtures/nodejobs.js', import.meta.url),
      handleSignals: false,
      queues,
      isolation: 'inline',
      wire: { narrowLeaseMs: 1_000 },
      on: { onTrouble: (error) => troubles.push(String(error)) },
    });
    return worker;
  };
  const spoil = async (key: string) => {
    await redis.del(key);
    await (key.includes('clean_registries') ? redis.rpush(key, 'x') : redis.set(key, 'x'));
  };

  it('S11: stops its own queue at most, and that only until it is mended', async () => {
    // By the name of a queue: which of its keys is spoilt.
    const keyOf: Record<string, (queue: string) => string> = {
      list: (queue) => `rq:queue:${queue}`,
      flight: (queue) => `rq:queue:${queue}:intermediate`,
      cleaning: (queue) => `rq:clean_registries:${queue}`,
      workers: (queue) => `rq:workers:${queue}`,
      events: (queue) => `rxrq:events:${queue}`,
      leases: (queue) => `rxrq:leases:${queue}`,
    };
    for (const name of ['wip', 'finished', 'failed', 'scheduled', 'deferred', 'canceled'])
      keyOf[`of-${name}`] = (queue) => `rq:${name}:${queue}`;
    const queues = Object.keys(keyOf);
    await boot([...queues, 'whole']);
    for (const [queue, key] of Object.entries(keyOf)) await spoil(key(queue));
    const whole = await rq.queue('whole').enqueue('nodejobs.add', 1);
    expect(await whole.result(soon)).toBe(1);
    expect(troubles.join()).toContain('rq:queue:list holds a string where a list belongs');

    for (const [queue, key] of Object.entries(keyOf)) await redis.del(key(queue));
    const jobs = await Promise.all(
      queues.map((queue) => rq.queue(queue).enqueue('nodejobs.hang', 1)),
    );
    for (const job of jobs)
      expect([job.queue, await job.result(soon)]).toEqual([job.queue, 'hung on']);
  });

  it('S11: of those that all queues share lets the work wait until it is mended', async () => {
    const { name } = await boot(['whole']);
    for (const key of ['rq:queues', 'rq:queue:failed', `rq:worker:${name}`, 'rq:workers']) {
      const job = await rq.queue('whole').enqueue('nodejobs.hang', 200);
      await spoil(key);
      // It ends while the key is spoilt; what has to wait for it does.
      await job.result({ timeoutMs: 500 }).catch(() => undefined);
      await redis.del(key);
      expect([key, await job.result(soon)]).toEqual([key, 'hung on']);
    }
  });

  it('S11: of one job does not keep it from its end', async () => {
    await boot(['whole']);
    for (const key of ['rq:results:', 'rq:executions:', 'rq:job::']) {
      const job = await rq.queue('whole').enqueueWith({ results: 'stream' }, 'nodejobs.hang', 400);
      await redis.set(`${key}${job.id}`, 'x');
      expect([key, await job.result(soon)]).toEqual([key, 'hung on']);
    }
  });
});
