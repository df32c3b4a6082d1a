import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RedisServer } from '../../scripts/redis-server.mjs';
import { keys } from '../../src/redis/keys.js';
import { cancel } from '../../src/redis/transitions/cancel.js';
import { deleteJob } from '../../src/redis/transitions/delete.js';
import { empty } from '../../src/redis/transitions/empty.js';
import { extend } from '../../src/redis/transitions/extend.js';
import { quarantine } from '../../src/redis/transitions/quarantine.js';
import { requeue } from '../../src/redis/transitions/requeue.js';
import { longestHoldMs } from '../support/longest-hold.js';
import { startPrivateRedis } from '../support/redis.js';
import { fail, finish, newJob, Wire } from './support/wire.js';

let server: RedisServer;
let wire: Wire;

beforeAll(async () => {
  server = await startPrivateRedis();
  wire = new Wire(server.url);
});
beforeEach(() => wire.redis.flushdb());
afterAll(async () => {
  wire.close();
  await server.stop();
});

const { stringMatching, objectContaining } = expect;
const failOne = async (id: string, fields: Array<string | number> = []): Promise<void> => {
  await wire.enqueue(newJob(id, { fields }));
  const worker = wire.worker();
  await worker.settle(await worker.claimOne(), fail());
};
const requeueAll = (...ids: string[]) => requeue(wire.redis, ids, false, wire.settings);

describe('cancel', () => {
  it.each(['default', 'intermediate', 'scheduled', 'deferred'])(
    'takes a waiting job out of %s',
    async (place) => {
      await wire.enqueue('a', 'b');
      if (place === 'intermediate') {
        await wire.redis.lmove(
          keys.queue('default'),
          keys.intermediate('default'),
          'LEFT',
          'RIGHT',
        );
      } else if (place !== 'default') {
        await wire.redis.lrem(keys.queue('default'), 0, 'a');
        await wire.redis.hset(keys.job('a'), 'status', place);
        await wire.redis.zadd(`rq:${place}:default`, 9e9, 'a');
      }
      const neighbour = await wire.snapshot('rq:job:b');
      expect(await cancel(wire.redis, 'default', 'a', wire.settings)).toBe(
        place === 'default' || place === 'intermediate' ? 'queued' : place,
      );
      expect(await wire.status('a')).toBe('canceled');
      expect(await wire.redis.zscore(keys.canceled('default'), 'a')).toEqual(
        stringMatching(/^\d+$/),
      );
      expect(await wire.ids()).toEqual(['b']);
      expect(await wire.redis.exists(keys.intermediate('default'), `rq:${place}:default`)).toBe(0);
      expect(await wire.snapshot('rq:job:b')).toEqual(neighbour);
      expect(await wire.story('a')).toBe('enqueued canceled');
    },
  );

  it('is told to the one who runs the job, whose outcome is refused', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const job = await worker.claimOne();
    expect(await cancel(wire.redis, 'default', 'a', wire.settings)).toBe('started');
    const beat = [{ job, sinceMs: performance.now() }];
    expect(await extend(wire.redis, worker, 'default', beat, wire.settings)).toEqual(['canceled']);
    expect(await worker.settle(job, finish())).toBe('canceled');
    expect(await wire.status('a')).toBe('canceled');
    expect(await wire.redis.exists(keys.wip('default'), keys.finished('default'))).toBe(0);
    expect(await wire.story('a')).toBe('enqueued started canceled');
  });

  it('changes nothing when the job has ended, or is not there', async () => {
    await failOne('a');
    const before = await wire.snapshot();
    expect(await cancel(wire.redis, 'default', 'a', wire.settings)).toBe('failed');
    expect(await cancel(wire.redis, 'default', 'ghost', wire.settings)).toBe('');
    expect(await wire.snapshot()).toEqual(before);
  });

  it('races with the claim: the job runs, or is canceled, and is in one place', async () => {
    for (let round = 0; round < 30; round++) {
      const id = `job-${round}`;
      await wire.enqueue(id);
      const worker = wire.worker();
      const [, jobs] = await Promise.all([
        cancel(wire.redis, 'default', id, wire.settings),
        worker.claim(1),
      ]);
      for (const job of jobs) expect(await worker.settle(job, finish())).toBe('canceled');
      expect(await wire.status(id)).toBe('canceled');
    }
    expect(await wire.redis.exists(keys.wip('default'), keys.queue('default'))).toBe(0);
  });
});

describe('delete', () => {
  it('removes everything under the id of a waiting job, and nothing else', async () => {
    await wire.enqueue('b');
    const before = await wire.snapshot('rq:*');
    await wire.enqueue('a');
    await wire.redis.sadd(keys.dependents('a'), 'x');
    await wire.redis.sadd(keys.dependencies('a'), 'x');
    await wire.redis.xadd(keys.results('a'), '*', 'type', '1');
    expect(await deleteJob(wire.redis, 'default', 'a', wire.settings)).toBe(true);
    expect(await wire.snapshot('rq:*')).toEqual(before);
    expect(await wire.story('a')).toBe('enqueued deleted');
    expect(await deleteJob(wire.redis, 'default', 'a', wire.settings)).toBe(false);
  });

  it('ends the lease of a running job, and stays deleted', async () => {
    await wire.enqueue('a', 'b');
    const worker = wire.worker();
    const [a, b] = await worker.claim(2);
    if (!a || !b) throw new Error('nothing claimed');
    const beats = [a, b].map((job) => ({ job, sinceMs: performance.now() }));
    await extend(wire.redis, worker, 'default', beats, wire.settings);
    await deleteJob(wire.redis, 'default', 'a', wire.settings);
    expect(await wire.redis.keys('rq:execution*:a:*')).toEqual([]);
    expect(await extend(wire.redis, worker, 'default', beats, wire.settings)).toEqual([
      'deleted',
      'extended',
    ]);
    expect(await worker.settle(a, finish())).toBe('gone');
    expect(await wire.redis.keys('rq:*a')).toEqual([]);
    expect(await worker.settle(b, finish())).toBe('finished');
  });

  it('takes a failed job out of the FailedQueue, also behind many others', async () => {
    await failOne('a');
    await wire.redis.rpush(keys.failedQueue, ...Array.from({ length: 1_900 }, (_, n) => `x${n}`));
    await failOne('b');
    for (const id of ['a', 'b'])
      expect(await deleteJob(wire.redis, 'default', id, wire.settings)).toBe(true);
    expect(await wire.redis.zcard(keys.failed('default'))).toBe(0);
    expect(await wire.redis.llen(keys.failedQueue)).toBe(1_900);
  });

  it('takes ids of odd bytes', async () => {
    const id = 'a\n*[x]\0';
    await wire.redis.hset(keys.job(id), 'data', 'x', 'status', 'queued');
    await wire.redis.rpush(keys.queue('default'), id, 'b');
    expect(await deleteJob(wire.redis, 'default', id, wire.settings)).toBe(true);
    expect(await wire.ids()).toEqual(['b']);
  });
});

describe('empty', () => {
  it('deletes what waits, in chunks, and neither running nor ended jobs nor what is no job', async () => {
    await wire.enqueue('running', 'failed', ...Array.from({ length: 1_100 }, (_, n) => `job-${n}`));
    const worker = wire.worker();
    const [running, failed] = await worker.claim(2);
    if (!running || !failed) throw new Error('nothing claimed');
    await worker.settle(failed, fail());
    await wire.redis.rpush(
      keys.queue('default'),
      'running',
      'failed',
      'ghost',
      ':x',
      'x:dependents',
    );
    await wire.redis.set('rq:job:x:dependents', 'x');
    await empty(wire.redis, 'default', wire.settings);
    expect(await wire.redis.exists(keys.queue('default'))).toBe(0);
    expect((await wire.redis.keys('rq:job:*')).sort()).toEqual([
      'rq:job:failed',
      'rq:job:running',
      'rq:job:x:dependents',
    ]);
    expect((await wire.events()).filter(({ kind }) => kind === 'deleted')).toHaveLength(1_100);
    expect(await worker.settle(running, finish())).toBe('finished');
  });
});

describe('quarantine by hand', () => {
  const put = (id: string) =>
    quarantine(wire.redis, 'default', id, 'looks wrong', 'Quarantined: looks wrong', wire.settings);

  it('puts a waiting job aside', async () => {
    await wire.enqueue('a', 'b');
    expect(await put('a')).toBe('queued');
    expect(await wire.hash('a')).toMatchObject({
      status: 'failed',
      exc_info: 'Quarantined: looks wrong',
    });
    expect(await wire.redis.lrange(keys.failedQueue, 0, -1)).toEqual(['a']);
    expect(await wire.ids()).toEqual(['b']);
    expect(await wire.story('a')).toBe('enqueued quarantined');
  });

  it('touches no job that somebody has', async () => {
    await wire.enqueue('held', 'running');
    await wire.worker().hold(1);
    await wire.worker().claim(1);
    const before = await wire.snapshot();
    expect([await put('held'), await put('running'), await put('ghost')]).toEqual([
      'claimed',
      'started',
      '',
    ]);
    expect(await wire.snapshot()).toEqual(before);
  });
});

describe('requeue', () => {
  it('moves a failed job back to its own queue, clean', async () => {
    await failOne('a');
    await wire.enqueue('b');
    expect(await requeueAll('a')).toEqual(['requeued']);
    expect(await wire.ids()).toEqual(['b', 'a']);
    const hash = await wire.hash('a');
    expect(hash.status).toBe('queued');
    for (const gone of ['ended_at', 'started_at', 'exc_info', 'x_exec'])
      expect(hash).not.toHaveProperty(gone);
    expect(await wire.redis.ttl(keys.job('a'))).toBe(-1);
    expect(await wire.redis.exists(keys.failedQueue, keys.failed('default'))).toBe(0);
    expect(await wire.story('a')).toBe('enqueued started failed quarantined requeued');
    expect((await wire.worker().claim(2))[1]).toMatchObject({ jobId: 'a', attempt: 2 });
  });

  it('gives it its time to live again', async () => {
    await failOne('a', ['ttl', 60]);
    await requeueAll('a');
    expect(await wire.redis.ttl(keys.job('a'))).toBeGreaterThan(58);
  });

  it('moves it once when 50 ask at a time', async () => {
    await failOne('a');
    const verdicts = (await Promise.all(Array.from({ length: 50 }, () => requeueAll('a')))).flat();
    expect(verdicts.filter((verdict) => verdict === 'requeued')).toHaveLength(1);
    expect(verdicts.filter((verdict) => verdict === 'notFailed')).toHaveLength(49);
    expect(await wire.ids()).toEqual(['a']);
    expect((await wire.events()).filter(({ kind }) => kind === 'requeued')).toHaveLength(1);
  });

  it('says of each what became of it', async () => {
    await failOne('a');
    await failOne('c');
    await wire.redis.hset(keys.job('c'), 'origin', 'spoilt');
    await wire.redis.set(keys.queue('spoilt'), 'x');
    await failOne('d');
    await wire.redis.hset(keys.job('d'), 'origin', 'failed');
    await wire.enqueue('b');
    await wire.redis.set(keys.job('e'), 'x');
    expect(await requeueAll('a', 'b', 'c', 'd', 'e', 'ghost', '\0')).toEqual([
      'requeued',
      'notFailed',
      'refused',
      'refused',
      'unknown',
      'unknown',
      'unknown',
    ]);
    expect(await wire.status('c')).toBe('failed');
    expect(await wire.redis.lrange(keys.failedQueue, 0, -1)).toEqual(['c', 'd']);
  });

  it('holds nobody up when the FailedQueue is a million long', async () => {
    await failOne('first');
    await wire.redis.eval(
      `for chunk = 1, 1000 do
         local ids = {}
         for n = 1, 1000 do ids[n] = 'x' .. chunk .. '-' .. n end
         redis.call('RPUSH', KEYS[1], unpack(ids))
       end`,
      1,
      keys.failedQueue,
    );
    await failOne('last');
    const ids = ['first', 'last', ...Array.from({ length: 198 }, (_, n) => `x500-${n}`)];
    let verdicts: string[] = [];
    const longestMs = await longestHoldMs(server, async () => {
      verdicts = await requeueAll(...ids);
    });
    expect(verdicts.slice(0, 3)).toEqual(['requeued', 'requeued', 'unknown']);
    expect(longestMs).toBeLessThan(50);
  });

  it('finds a job whose execution is still running elsewhere, and lets one of the two end', async () => {
    await wire.enqueue('a');
    const zombie = wire.worker();
    const job = await zombie.claimOne();
    // A Python cleaner took it for abandoned.
    await wire.redis.zrem(keys.wip('default'), `a:${job.execution}`);
    await wire.redis.hset(keys.job('a'), 'status', 'failed');
    await wire.redis.zadd(keys.failed('default'), 9e9, 'a');
    expect(await requeueAll('a')).toEqual(['requeued']);
    const worker = wire.worker();
    const again = await worker.claimOne();
    expect(await zombie.settle(job, finish('"old"'))).toBe('lost');
    expect(await worker.settle(again, finish('"new"'))).toBe('finished');
    expect((await wire.hash('a')).result).toBe('"new"');
    expect((await wire.events()).filter(({ kind }) => kind === 'lost')).toEqual([
      objectContaining({ execution: job.execution }),
    ]);
  });
});

describe('keys of a wrong type', () => {
  it.each([
    ['cancel', () => cancel(wire.redis, 'default', 'a', wire.settings)],
    ['delete', () => deleteJob(wire.redis, 'default', 'a', wire.settings)],
    ['empty', () => empty(wire.redis, 'default', wire.settings)],
    ['quarantine', () => quarantine(wire.redis, 'default', 'a', 'x', 'x', wire.settings)],
  ])('make %s refuse before it writes', async (_, act) => {
    for (const key of [keys.queue('default'), keys.events('default')]) {
      await wire.redis.flushdb();
      await wire.enqueue('a');
      await wire.redis.del(key);
      await wire.redis.set(key, 'x');
      const before = await wire.snapshot();
      await expect(act()).rejects.toThrow(key);
      expect(await wire.snapshot()).toEqual(before);
    }
  });
});
