import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { WrongKeyTypeError } from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { Rq } from '../../src/streams/rq.js';
import { freshRq } from '../support/fresh-rq.js';
import { oddKeys, putTwoOfEach, spoil } from '../support/odd-keys.js';

let redis: Redis;
let rq: Rq;
const told: unknown[] = [];
freshRq((fresh) => {
  redis = fresh.client;
  rq = new Rq({ url: fresh.url, onTrouble: (error) => told.push(error) });
});
beforeEach(async () => {
  told.length = 0;
  await putTwoOfEach(redis);
});
afterEach(() => rq.close());

/** What lists many things, each answered by the names that it found. */
const listings: Readonly<Record<string, () => Promise<readonly string[]>>> = {
  workers: async () => (await rq.workers()).map(({ name }) => name),
  'workers of queues': async () => (await rq.workers(['odd', 'sound'])).map(({ name }) => name),
  rateLimits: async () => (await rq.rateLimits()).map(({ key }) => key),
  cronSchedulers: async () => (await rq.cronSchedulers()).map(({ name }) => name),
  fetchMany: async () =>
    (await rq.fetchMany(['failed-odd', 'scheduled-odd', 'failed-sound'])).map(
      (record) => record?.origin ?? 'gone',
    ),
  'failedQueue.ids': () => rq.failedQueue.ids(),
  'failedQueue.jobs': async () => (await rq.failedQueue.jobs()).map(({ id }) => id),
  'jobs of a group': async () => {
    const group = rq.group('g');
    await redis.sadd(keys.group('g'), 'failed-odd', 'failed-sound');
    return (await group.jobs()).map(({ id }) => id);
  },
  'queue.jobs': async () => {
    await redis.lpush(keys.queue('sound'), 'queued-odd');
    return (await rq.queue('sound').jobs()).map(({ id }) => id);
  },
  'registry.jobs': async () => {
    await redis.zadd(keys.failed('sound'), 1, 'failed-odd');
    return (await rq.queue('sound').registries.failed.jobs()).map(({ id }) => id);
  },
};
/** By listing: the keys that are all that it lists. */
const wholeOf: Readonly<Record<string, string>> = {
  workers: keys.workers,
  rateLimits: keys.rateLimits,
  cronSchedulers: keys.cronSchedulers,
  'failedQueue.ids': keys.queues,
  'failedQueue.jobs': keys.queues,
};

describe('a key of a wrong type', () => {
  it.each(oddKeys)('%s hides nothing of the rest', async (key) => {
    await spoil(redis, key);
    for (const [name, list] of Object.entries(listings)) {
      if (wholeOf[name] === key) {
        const refusal = { name: 'WrongKeyTypeError', key, message: `Key ${key} has a wrong type` };
        await expect(list()).rejects.toMatchObject(refusal);
        continue;
      }
      told.length = 0;
      const found = await list();
      expect([name, found.some((one) => one.includes('sound'))]).toEqual([name, true]);
      // What was read in its stead, and what is missing, are told.
      for (const error of told) expect(error).toMatchObject({ name: 'WrongKeyTypeError', key });
      const isWhole = found.some((one) => one.includes('odd'));
      expect([name, isWhole || told.length > 0]).toEqual([name, true]);
    }
  });

  it('has no number, and is named', async () => {
    for (const place of ['queue', 'wip', 'finished', 'failed', 'scheduled', 'canceled'] as const) {
      const key = keys[place]('odd');
      await spoil(redis, key);
      await expect(rq.queue('odd').counts()).rejects.toMatchObject({ key });
      expect(await rq.queue('sound').counts()).toMatchObject({ queued: 1, failed: 1 });
      await redis.del(key);
    }
    await spoil(redis, keys.failed('odd'));
    await expect(rq.failedQueue.counts()).rejects.toMatchObject({ key: keys.failed('odd') });
  });

  it('is named where exactly it was asked for', async () => {
    await spoil(redis, keys.job('failed-odd'));
    await spoil(redis, keys.results('failed-sound'));
    const refusals: Array<[() => Promise<unknown>, string]> = [
      [() => rq.fetch('failed-odd'), keys.job('failed-odd')],
      [() => rq.queue('odd').job('failed-odd').fetch(), keys.job('failed-odd')],
      [
        () => rq.queue('odd').job('failed-odd').result({ timeoutMs: 1_000 }),
        keys.job('failed-odd'),
      ],
      [() => rq.queue('sound').job('failed-sound').results(), keys.results('failed-sound')],
      [
        () => rq.queue('sound').job('failed-sound').result({ timeoutMs: 1_000 }),
        keys.results('failed-sound'),
      ],
    ];
    for (const [ask, key] of refusals) {
      const error = await ask().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(WrongKeyTypeError);
      expect(error).toMatchObject({ key, message: `Key ${key} has a wrong type` });
    }
  });

  it('of a job or of a registry keeps no other failed job from its queue', async () => {
    for (const key of [keys.job('failed-odd'), keys.failed('odd')]) {
      await redis.flushdb();
      await putTwoOfEach(redis);
      await redis.lrem(keys.failedQueue, 0, 'failed-odd');
      await spoil(redis, key);
      told.length = 0;
      expect([key, await rq.failedQueue.requeueAll()]).toEqual([key, 1]);
      expect(await rq.queue('sound').ids()).toContain('failed-sound');
      expect(told).toMatchObject([{ name: 'WrongKeyTypeError', key }]);
    }
  });

  it('of a queue hides no job that a worker runs elsewhere', async () => {
    await redis.hset(keys.worker('both'), { queues: 'odd,sound', state: 'busy' });
    await redis.sadd(keys.workers, keys.worker('both'));
    await redis.hset(keys.job('queued-sound'), { status: 'started', worker_name: 'both' });
    await redis.zadd(keys.wip('sound'), 1, 'failed-odd:b', 2, 'queued-sound:a');
    await spoil(redis, keys.wip('odd'));
    await spoil(redis, keys.job('failed-odd'));
    expect(await rq.executionsOf('both')).toEqual([
      { jobId: 'queued-sound', execution: 'a', queue: 'sound' },
    ]);
    expect(told).toMatchObject([{ key: keys.wip('odd') }, { key: keys.job('failed-odd') }]);
  });

  it('is named by the connection also in a pipeline, and of two keys both are', async () => {
    await spoil(redis, keys.queue('odd'));
    const reply = await rq.redis.pipeline().llen(keys.queue('odd')).exec();
    expect(reply).toMatchObject([
      [{ name: 'WrongKeyTypeError', key: keys.queue('odd') }, undefined],
    ]);
    const moved = rq.redis.lmove(keys.queue('odd'), keys.queue('sound'), 'LEFT', 'LEFT');
    await expect(moved).rejects.toMatchObject({
      key: null,
      message: 'Key rq:queue:odd or rq:queue:sound has a wrong type; nothing was written',
    });
    // A script may have met any key, and have written before.
    const run = rq.redis.eval("return redis.call('LLEN', KEYS[1])", 1, keys.queue('odd'));
    await expect(run).rejects.toMatchObject({ name: 'ReplyError' });
  });
});
