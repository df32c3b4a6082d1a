import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import {
  DuplicateJobError,
  InvalidNameError,
  InvalidOptionError,
  RedisFullError,
  RedisUnavailableError,
  WrongKeyTypeError,
} from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { UnserializableError } from '../../src/redis/payload/index.js';
import { Rq } from '../../src/streams/rq.js';
import { startPrivateRedis } from '../support/redis.js';

let server: Awaited<ReturnType<typeof startPrivateRedis>>;
let redis: Redis;
let rq: Rq;

beforeAll(async () => {
  server = await startPrivateRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  redis = new Redis(server.url);
  redis.on('error', () => undefined);
  await redis.flushall();
  rq = new Rq({ url: server.url });
});
afterEach(async () => {
  await rq.close();
  redis.disconnect();
});

const scriptCalls = async (): Promise<number> => {
  const stats = await redis.info('commandstats');
  const calls = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)];
  return calls.reduce((sum, [, count]) => sum + Number(count), 0);
};

describe('enqueue', () => {
  it('puts a call at the end of the queue, with a handle to go on with', async () => {
    const job = await rq.queue('q').enqueue('reports.build', 42, 'x');
    await rq.queue('q').enqueue('second');
    expect(await rq.queue('q').ids()).toEqual([job.id, expect.any(String)]);
    const { call, status, origin } = await job.fetch();
    expect({ ...call }).toMatchObject({ functionName: 'reports.build', args: [42, 'x'] });
    expect({ status, origin }).toEqual({ status: 'queued', origin: 'q' });
    expect((await rq.fetch(job.id)).job.queue).toBe('q');
    expect(await rq.queueNames()).toEqual(['q']);
  });

  it('sends what is enqueued in one turn in few calls, in order', async () => {
    await rq.queue('q').enqueue('warm up');
    const before = await scriptCalls();
    const jobs = await Promise.all(
      Array.from({ length: 200 }, (_, n) => rq.queue('q').enqueue('f', n)),
    );
    expect((await scriptCalls()) - before).toBeLessThanOrEqual(2);
    expect((await rq.queue('q').ids(1)).join()).toBe(jobs.map(({ id }) => id).join());
  });

  it('writes a bulk in order, and checks all of it before the first', async () => {
    const specs = Array.from({ length: 2_500 }, (_, n) => ({ name: 'f', args: [n] }));
    const jobs = await rq.queue('q').enqueueMany(specs);
    expect(await rq.queue('q').ids(0, 3_000)).toEqual(jobs.map(({ id }) => id));
    await expect(
      rq.queue('p').enqueueMany([{ name: 'f' }, { name: 'g', args: [() => 1] }]),
    ).rejects.toThrow(UnserializableError);
    expect(await rq.queue('p').length()).toBe(0);
  });

  it('refuses a second job under an id, or keeps the first', async () => {
    const queue = rq.queue('q');
    const options = { jobId: 'mine' };
    await queue.enqueueWith(options, 'f');
    // The same payload in the same millisecond is a second job all the same.
    for (let n = 0; n < 20; n++) {
      await expect(queue.enqueueWith(options, 'f')).rejects.toThrow(DuplicateJobError);
    }
    const kept = await queue.enqueueWith({ ...options, onDuplicate: 'keep' }, 'g');
    expect((await kept.fetch()).call?.functionName).toBe('f');
    expect(await queue.ids()).toEqual(['mine']);
  });

  it('refuses the second of two that come in one turn', async () => {
    const queue = rq.queue('q');
    const both = [1, 2].map(() => queue.enqueueWith({ jobId: 'twin' }, 'f'));
    const outcomes = await Promise.allSettled(both);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await queue.length()).toBe(1);
  });

  it('refuses options and names that the wire cannot carry, before anything is written', async () => {
    const queue = rq.queue('q');
    const refused = [
      [{ jobId: 'a:b' }, InvalidNameError],
      [{ timeoutSeconds: 0 }, InvalidOptionError],
      [{ ttlSeconds: 1.5 }, InvalidOptionError],
      [{ resultTtlSeconds: -2 }, InvalidOptionError],
      [{ retry: { max: 0 } }, InvalidOptionError],
      [{ timeOut: 5 } as object, InvalidOptionError],
      [{ timeout: '5 min' } as object, InvalidOptionError],
      [{ meta: { f: () => 1 } }, UnserializableError],
    ] as const;
    for (const [options, error] of refused) {
      await expect(queue.enqueueWith(options, 'f')).rejects.toThrow(error);
    }
    await expect(queue.enqueue('f', Symbol('s'))).rejects.toThrow(UnserializableError);
    expect(() => rq.queue('a b')).toThrow(InvalidNameError);
    expect(() => new Rq({ uri: server.url } as object)).toThrow(/uri/);
    expect(await redis.dbsize()).toBe(0);
  });

  it('writes the options that were given', async () => {
    const job = await rq.queue('q').enqueueWith(
      {
        jobId: 'all',
        timeoutSeconds: 60,
        ttlSeconds: 600,
        resultTtlSeconds: -1,
        failureTtlSeconds: 10,
        description: 'for humans',
        meta: { by: 'me' },
        retry: { max: 2, intervalsSeconds: [1, 5] },
        kwargs: { wide: true },
      },
      'f',
    );
    const first = await rq.queue('q').enqueueWith({ atFront: true }, 'urgent');
    expect(await rq.queue('q').ids()).toEqual([first.id, 'all']);
    expect(await job.fetch()).toMatchObject({
      timeoutSeconds: 60,
      ttlSeconds: 600,
      resultTtlSeconds: -1,
      failureTtlSeconds: 10,
      description: 'for humans',
      meta: { by: 'me' },
      retriesLeft: 2,
      problems: [],
    });
    expect(await redis.ttl(keys.job('all'))).toBeGreaterThan(500);
  });

  it('says that Redis is full, having written nothing', async () => {
    await redis.config('SET', 'maxmemory', '1');
    try {
      await expect(rq.queue('q').enqueue('f')).rejects.toThrow(RedisFullError);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
    expect(await redis.dbsize()).toBe(0);
    await rq.queue('q').enqueue('f');
  });

  it('says which key has a wrong type, having written nothing', async () => {
    await redis.set(keys.queue('q'), 'no list');
    await expect(rq.queue('q').enqueue('f')).rejects.toThrow(WrongKeyTypeError);
    await expect(rq.queue('q').enqueue('f')).rejects.toThrow(/rq:queue:q/);
    expect(await redis.dbsize()).toBe(1);
  });

  it('gives up within its deadline when Redis is down, and works again when it is back', async () => {
    const hasty = new Rq({ url: server.url, enqueueDeadlineMs: 500 });
    await rq.queue('q').enqueue('f');
    await server.kill();
    const beganMs = performance.now();
    const lost = await Promise.allSettled([
      hasty.queue('q').enqueue('f'),
      hasty.queue('q').enqueueMany([{ name: 'f' }]),
    ]);
    expect(performance.now() - beganMs).toBeLessThan(4_000);
    for (const outcome of lost) {
      expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(RedisUnavailableError);
    }
    await server.restart();
    const job = await rq.queue('q').enqueue('f');
    // What was given up may have been written as well, once the connection was back.
    expect(await rq.queue('q').ids()).toContain(job.id);
    await hasty.close();
  });

  it('keeps every job to its own deadline while Redis is frozen', async () => {
    const patient = new Rq({ url: server.url, enqueueDeadlineMs: 2_000 });
    await patient.queue('q').enqueue('f');
    server.freeze();
    try {
      const endedMs = async (): Promise<number> => {
        const addedMs = performance.now();
        await expect(patient.queue('q').enqueue('f')).rejects.toThrow(RedisUnavailableError);
        return performance.now() - addedMs;
      };
      const first = endedMs();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const second = endedMs();
      // With a time that begins when the first has given up it would be 3,000.
      for (const ms of await Promise.all([first, second])) {
        expect(ms).toBeGreaterThan(1_950);
        expect(ms).toBeLessThan(2_900);
      }
    } finally {
      server.thaw();
      await patient.close();
    }
  });

  it('rejects what is pending when it is closed', async () => {
    const slow = new Rq({ url: server.url });
    await slow.queue('q').enqueue('f');
    server.freeze();
    try {
      const pending = slow.queue('q').enqueue('f');
      await slow.close();
      await expect(pending).rejects.toThrow(RedisUnavailableError);
    } finally {
      server.thaw();
    }
  });
});
