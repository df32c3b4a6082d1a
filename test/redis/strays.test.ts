import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { cleanQueue } from '../../src/redis/maintenance.js';
import { findStrays, notHeld, takeSweep } from '../../src/redis/strays.js';
import { recover } from '../../src/redis/transitions/recover.js';
import { restore } from '../../src/redis/transitions/restore.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { newJob, Wire } from './support/wire.js';

const longAgo = '2026-01-02T03:04:05.000000Z';
let server: FreshRedis;
let wire: Wire;
beforeAll(async () => {
  server = await freshRedis();
  wire = new Wire(server.url);
});
beforeEach(() => wire.redis.flushdb());
afterAll(async () => {
  wire.close();
  await server.close();
});

const signal = new AbortController().signal;
const find = () => findStrays(wire.redis, 90, signal);
const idsOf = async () => (await find()).map(({ lease }) => lease.member.toString()).sort();
/** Claims a job and then drops its lease, as a cleaner of RQ 1.x does. */
const stray = async (id: string, more: Parameters<typeof newJob>[1] = {}) => {
  await wire.enqueue(newJob(id, more));
  const job = await wire.worker().claimOne();
  await wire.redis.zrem(keys.wip('default'), `${id}:${job.execution}`);
  await wire.redis.hset(keys.job(id), 'started_at', longAgo);
  return job;
};

describe('strays', () => {
  it('are jobs that run by their own account, long since, and that nobody holds', async () => {
    await stray('lost');
    await stray('young');
    await wire.redis.hset(keys.job('young'), 'started_at', new Date().toISOString());
    await wire.enqueue('held');
    await wire.worker().claimOne();
    await wire.redis.hset(keys.job('held'), 'started_at', longAgo);
    await wire.enqueue('waiting');
    await wire.redis.set(`rq:job:odd`, 'no hash');
    await wire.redis.hset('rq:job:a b', 'status', 'started', 'origin', 'default');
    await wire.redis.sadd('rq:job:x:dependents', 'y');
    expect(await idsOf()).toEqual(['lost']);
  });

  it('are not those that another queue holds, or that Python 1.x holds by a bare id', async () => {
    await stray('moved');
    await stray('bare');
    await wire.redis.sadd(keys.queues, keys.queue('other'));
    await wire.redis.zadd(keys.wip('other'), 9_999_999_999, 'moved:x');
    await wire.redis.zadd(keys.wip('default'), 9_999_999_999, 'bare');
    expect(await idsOf()).toEqual([]);
  });

  it.each(['finished', 'failed'] as const)(
    'do not run again when they have %s, and RQ’s `save()` only wrote back that they run',
    async (registry) => {
      await stray('done');
      const found = await find();
      await wire.redis.zadd(keys[registry]('default'), 9e9, 'done');
      const leases = found.map(({ lease }) => lease);
      expect(leases).toHaveLength(1);
      expect(await recover(wire.redis, 'default', leases, wire.settings)).toEqual(['skipped']);
      expect(await restore(wire.redis, 'default', 'done', wire.settings)).toBe(false);
      expect(await wire.ids()).toEqual([]);
    },
  );

  it('go back to the head of their queue once, and then to the FailedQueue', async () => {
    await stray('lost');
    await wire.enqueue('next');
    const [found] = await find();
    if (!found) throw new Error('none found');
    const { lease } = found;
    expect(await recover(wire.redis, 'default', [lease], wire.settings)).toEqual(['recovered']);
    expect(await wire.ids()).toEqual(['lost', 'next']);
    expect(await recover(wire.redis, 'default', [lease], wire.settings)).toEqual(['skipped']);
    expect(await wire.ids()).toEqual(['lost', 'next']);
    const again = await wire.worker().claimOne();
    expect(again.attempt).toBe(2);
    await wire.redis.zrem(keys.wip('default'), `lost:${again.execution}`);
    await wire.redis.hset(keys.job('lost'), 'started_at', longAgo);
    const leases = (await find()).map((each) => each.lease);
    expect(await recover(wire.redis, 'default', leases, wire.settings)).toEqual(['quarantined']);
    expect(await wire.status('lost')).toBe('failed');
    expect(await wire.story('lost')).toBe('enqueued started recovered started quarantined');
  });

  it('are left alone when they have moved on between the looks', async () => {
    await stray('rerun');
    await stray('ended');
    const strays = await find();
    expect(strays).toHaveLength(2);
    await wire.redis.hset(keys.job('rerun'), 'started_at', '2026-02-02T03:04:05.000000Z');
    await wire.redis.hset(keys.job('ended'), 'status', 'finished');
    const leases = (await notHeld(wire.redis, strays)).map(({ lease }) => lease);
    expect(await recover(wire.redis, 'default', leases, wire.settings)).toEqual([
      'skipped',
      'skipped',
    ]);
    expect(await wire.ids()).toEqual([]);
  });

  it('may have been claimed ahead; one that is in its list is none', async () => {
    await wire.enqueue('ahead');
    const [job] = await wire.worker().hold(1);
    if (!job) throw new Error('nothing held');
    await wire.redis.del(keys.wip('default'));
    await wire.redis.hset(keys.job('ahead'), 'enqueued_at', longAgo);
    const [found] = await find();
    if (!found) throw new Error('none found');
    await wire.redis.rpush(keys.queue('default'), 'ahead');
    const skipped = await recover(wire.redis, 'default', [found.lease], wire.settings);
    expect(skipped).toEqual(['skipped']);
    await wire.redis.del(keys.queue('default'));
    expect(await recover(wire.redis, 'default', [found.lease], wire.settings)).toEqual([
      'handedBack',
    ]);
    expect(await wire.ids()).toEqual(['ahead']);
    expect((await wire.worker().claimOne()).jobId).toBe('ahead');
  });

  it('are looked for by one worker of a Redis', async () => {
    expect(await takeSweep(wire.redis)).toBe(true);
    expect(await takeSweep(wire.redis)).toBe(false);
    await find();
    expect(await wire.redis.ttl(keys.sweep)).toBeGreaterThan(3_500);
  });

  it('are looked for again in a minute when a look was broken off', async () => {
    await stray('lost');
    expect(await takeSweep(wire.redis)).toBe(true);
    expect(await findStrays(wire.redis, 90, AbortSignal.abort())).toEqual([]);
    expect(await wire.redis.ttl(keys.sweep)).toBeLessThanOrEqual(60);
  });

  it('leave most of the time to those that run jobs', async () => {
    await stray('lost');
    for (let from = 0; from < 4_000; from += 1_000)
      await wire.enqueue(...Array.from({ length: 1_000 }, (_, n) => `job-${from + n}`));
    const hold = performance.eventLoopUtilization();
    expect(await idsOf()).toEqual(['lost']);
    expect(performance.eventLoopUtilization(hold).utilization).toBeLessThan(0.25);
  });
});

describe('a cleaning', () => {
  it('takes out canceled jobs that are gone, and workers that are', async () => {
    const { redis } = wire;
    await redis.zadd(keys.canceled('default'), 1, 'gone', 2, 'kept');
    await redis.hset(keys.job('kept'), 'status', 'canceled');
    await redis.hset(keys.worker('alive'), 'state', 'idle');
    const workers = [keys.worker('alive'), keys.worker('dead')];
    await redis.sadd(keys.workersOf('default'), ...workers);
    await redis.sadd(keys.workers, ...workers, keys.worker('unlisted'));
    expect(await cleanQueue(redis, 'default')).toBe(true);
    expect(await redis.zrange(keys.canceled('default'), '0', '-1')).toEqual(['kept']);
    expect(await redis.smembers(keys.workersOf('default'))).toEqual([keys.worker('alive')]);
    expect(await redis.smembers(keys.workers)).toEqual([keys.worker('alive')]);
    expect(await redis.exists(keys.cleaning('default'))).toBe(0);
  });

  it('drops what has not failed from a list of the FailedQueue that is longer than one look', async () => {
    const { redis } = wire;
    const failed = Array.from({ length: 700 }, (_, n) => `failed-${n}`);
    const pipeline = redis.pipeline();
    for (const id of failed) pipeline.hset(keys.job(id), 'status', 'failed');
    pipeline.hset(keys.job('waits'), 'status', 'queued');
    const others = Array.from({ length: 300 }, (_, n) => `gone-${n}`);
    const list = [...failed.slice(0, 600), ...others, 'failed-0', 'waits', ...failed.slice(600)];
    await pipeline.rpush(keys.failedQueue, ...list).exec();
    // What lies behind the head is met by chance: each pass misses some place with a chance of one half at most.
    for (let pass = 0; pass < 60; pass += 1) expect(await cleanQueue(redis, 'default')).toBe(true);
    const left = await redis.lrange(keys.failedQueue, 0, -1);
    // An entry that is there twice is seen as such when both lie in one look.
    expect(left.filter((id, at) => left.indexOf(id) === at)).toEqual(failed);
    expect(left.length).toBeLessThanOrEqual(failed.length + 1);
  });

  it("leaves a lock that is another's by the time it ends", async () => {
    const { redis } = wire;
    const lock = keys.cleaning('default');
    // Taken over while it is at work: as if it had been frozen for longer than the lock holds.
    const frozen = Object.create(redis, {
      time: {
        value: async () => {
          await redis.set(lock, 'theirs');
          return redis.time();
        },
      },
    }) as typeof redis;
    expect(await cleanQueue(frozen, 'default')).toBe(true);
    expect(await redis.get(lock)).toBe('theirs');
  });
});
