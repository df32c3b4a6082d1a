import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RedisServer } from '../../scripts/redis-server.mjs';
import { keys } from '../../src/redis/keys.js';
import { cancel } from '../../src/redis/transitions/cancel.js';
import { deleteJob } from '../../src/redis/transitions/delete.js';
import { empty } from '../../src/redis/transitions/empty.js';
import { extend } from '../../src/redis/transitions/extend.js';
import { quarantine } from '../../src/redis/transitions/quarantine.js';
import { requeue, requeueFrom } from '../../src/redis/transitions/requeue.js';
import { longestHoldMs } from '../support/longest-hold.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';
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

  it('goes by where the job stands, when RQ’s `save()` wrote back an end of long ago', async () => {
    await wire.enqueue('a');
    await wire.redis.hset(keys.job('a'), 'status', 'failed');
    expect(await cancel(wire.redis, 'default', 'a', wire.settings)).toBe('queued');
    expect(await wire.ids()).toEqual([]);
    expect(await wire.redis.zscore(keys.canceled('default'), 'a')).not.toBeNull();
  });

  it('changes nothing of one that has ended and says what it was before, nor of one that ended in a queue to which its id was moved', async () => {
    await failOne('a');
    await wire.enqueue('b', 'c');
    await cancel(wire.redis, 'default', 'b', wire.settings);
    for (const id of ['a', 'b']) await wire.redis.hset(keys.job(id), 'status', 'queued');
    await wire.redis.lmove(keys.queue('default'), keys.queue('other'), 'LEFT', 'RIGHT');
    const worker = wire.worker('other');
    await worker.settle(await worker.claimOne(), finish());
    const before = await wire.snapshot();
    const was = ['a', 'b', 'c'].map((id) => cancel(wire.redis, 'default', id, wire.settings));
    expect(await Promise.all(was)).toEqual(['failed', 'canceled', 'finished']);
    expect(await wire.snapshot()).toEqual(before);
  });

  it('names the execution that had claimed the job ahead, which may begin before its worker hears of it', async () => {
    await wire.enqueue('a', 'b', 'c', 'd');
    const worker = wire.worker();
    const [started] = await worker.claim(1);
    const held = await worker.hold(2);
    await cancel(wire.redis, 'default', 'a', wire.settings);
    await cancel(wire.redis, 'default', 'b', wire.settings);
    await deleteJob(wire.redis, 'default', 'c', wire.settings);
    await cancel(wire.redis, 'default', 'd', wire.settings);
    const told = (await wire.events()).filter(
      ({ kind }) => kind === 'canceled' || kind === 'deleted',
    );
    expect(told.map((event) => [event.jobId, 'execution' in event && event.execution])).toEqual([
      ['a', false],
      ['b', held[0]?.execution],
      ['c', held[1]?.execution],
      ['d', false],
    ]);
    expect([started, ...held].map((job) => job?.jobId)).toEqual(['a', 'b', 'c']);
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

  it('ends also the lease of a canceled job that runs still: a new one of its id is another', async () => {
    await wire.enqueue('a');
    const [worker, second] = [wire.worker(), wire.worker()];
    const old = await worker.claimOne();
    await cancel(wire.redis, 'default', 'a', wire.settings);
    expect(await deleteJob(wire.redis, 'default', 'a', wire.settings)).toBe(true);
    await wire.enqueue('a');
    const anew = await second.claimOne();
    expect(await worker.settle(old, finish())).toBe('lost');
    expect(await second.settle(anew, finish())).toBe('finished');
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

describe('requeue out of other registries', () => {
  type From = Parameters<typeof requeueFrom>[1];
  const from = (status: From, id: string, atFront = false) =>
    requeueFrom(wire.redis, status, 'default', id, atFront, wire.settings);
  const everything = () => wire.snapshot('rq:*');

  it('moves a canceled job back to its queue, to the end or to the front', async () => {
    await wire.enqueue(newJob('a', { fields: ['ttl', 60] }), 'b', 'c');
    for (const id of ['a', 'b']) await cancel(wire.redis, 'default', id, wire.settings);
    await wire.redis.expire(keys.job('b'), 60);
    await wire.redis.del(keys.queues);
    expect(await from('canceled', 'a')).toBe('moved');
    expect(await from('canceled', 'b', true)).toBe('moved');
    expect(await wire.ids()).toEqual(['b', 'c', 'a']);
    expect(await wire.hash('a')).toMatchObject({ status: 'queued' });
    expect((await wire.hash('a')).enqueued_at).not.toBe((await wire.hash('c')).enqueued_at);
    expect(await wire.redis.ttl(keys.job('a'))).toBeGreaterThan(58);
    expect(await wire.redis.ttl(keys.job('b'))).toBe(-1);
    expect(await wire.redis.zcard(keys.canceled('default'))).toBe(0);
    expect(await wire.redis.smembers(keys.queues)).toEqual([keys.queue('default')]);
    expect(await wire.story('a')).toBe('enqueued canceled requeued');
    expect(await from('canceled', 'a')).toBe('queued');
    expect((await wire.worker().claim(3)).map(({ jobId }) => jobId)).toEqual(['b', 'c', 'a']);
  });

  it.each(['runs', 'is claimed ahead', 'has a heartbeat'])(
    'takes the lease of a canceled job that %s still: only the new run ends',
    async (how) => {
      await wire.enqueue('a');
      const zombie = wire.worker();
      const [old] = how === 'is claimed ahead' ? await zombie.hold() : await zombie.claim();
      if (!old) throw new Error('nothing claimed');
      const beat = [{ job: old, sinceMs: performance.now() }];
      const renew = () => extend(wire.redis, zombie, 'default', beat, wire.settings);
      if (how === 'has a heartbeat') await renew();
      // A neighbour's lease, whose id only begins with the same letters.
      await wire.redis.zadd(keys.wip('default'), 9e9, `ab:${'f'.repeat(32)}`);
      await cancel(wire.redis, 'default', 'a', wire.settings);
      expect(await from('canceled', 'a')).toBe('moved');
      expect(await wire.redis.keys('rq:execution*:a*')).toEqual([]);
      expect(await wire.redis.zrange(keys.wip('default'), '0', '-1')).toEqual([
        `ab:${'f'.repeat(32)}`,
      ]);
      const worker = wire.worker();
      const again = await worker.claimOne();
      expect(again.attempt).toBeGreaterThan(old.attempt);
      expect(await renew()).toEqual(['lost']);
      expect(await zombie.settle(old, finish('"old"'))).toBe('lost');
      expect(await wire.status('a')).toBe('started');
      expect(await worker.settle(again, finish('"new"'))).toBe('finished');
      expect((await wire.hash('a')).result).toBe('"new"');
      expect((await wire.events()).filter(({ kind }) => kind === 'lost')).toEqual([
        objectContaining({ execution: old.execution }),
      ]);
    },
  );

  it('takes the bare lease that RQ 1.x keeps as well', async () => {
    await wire.enqueuePython('a', { status: 'canceled', worker_name: 'py' });
    await wire.redis.del(keys.queue('default'));
    await wire.redis.zadd(keys.wip('default'), 9e9, 'a');
    await wire.redis.zadd(keys.canceled('default'), 1, 'a');
    await wire.redis.lpush(keys.intermediate('default'), 'a');
    expect(await from('canceled', 'a')).toBe('moved');
    expect(await wire.redis.exists(keys.wip('default'), keys.intermediate('default'))).toBe(0);
  });

  it('tells the worker of a canceled job that runs still', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    await worker.claimOne();
    await cancel(wire.redis, 'default', 'a', wire.settings);
    const listener = wire.redis.duplicate();
    const heard: string[] = [];
    listener.on('message', (_, text) => heard.push(text));
    await listener.subscribe(keys.commandsTo(worker.name));
    await from('canceled', 'a');
    await until('it heard', () => heard.length === 1);
    expect(heard).toEqual(['{"command":"rxrq-look"}']);
    listener.disconnect();
  });

  it('runs a finished job again, without what its last run left', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), finish('"old"'));
    expect(await from('finished', 'a')).toBe('moved');
    const hash = await wire.hash('a');
    for (const gone of ['ended_at', 'started_at', 'result', 'x_exec'])
      expect(hash).not.toHaveProperty(gone);
    expect(await wire.redis.ttl(keys.job('a'))).toBe(-1);
    expect(await wire.redis.exists(keys.finished('default'))).toBe(0);
    expect(await wire.story('a')).toBe('enqueued started finished requeued');
    expect(await worker.claimOne()).toMatchObject({ jobId: 'a', attempt: 2 });
  });

  it('runs a deferred job, which leaves its parents', async () => {
    await wire.enqueue('parent');
    await wire.enqueuePython('a', { status: 'deferred', dependency_ids: '["parent"]' });
    await wire.redis.lrem(keys.queue('default'), 0, 'a');
    await wire.redis.hset(keys.job('a'), 'x_unmet', 'parent');
    await wire.redis.zadd(keys.deferred('default'), '+inf', 'a');
    await wire.redis.sadd(keys.dependencies('a'), 'parent');
    await wire.redis.sadd(keys.dependents('parent'), 'a');
    expect(await from('deferred', 'a', true)).toBe('moved');
    expect(await wire.ids()).toEqual(['a', 'parent']);
    expect(await wire.hash('a')).not.toHaveProperty('x_unmet');
    expect(await wire.redis.exists(keys.deferred('default'), keys.dependents('parent'))).toBe(0);
    expect(await wire.redis.ttl(keys.dependencies('a'))).toBeGreaterThan(0);
    const worker = wire.worker();
    for (const job of await worker.claim(2)) await worker.settle(job, finish());
    expect(await wire.story('a')).toBe('requeued started finished');
  });

  it('moves it once when 50 ask at a time', async () => {
    await wire.enqueue('a');
    await cancel(wire.redis, 'default', 'a', wire.settings);
    const said = await Promise.all(Array.from({ length: 50 }, () => from('canceled', 'a')));
    expect(said.filter((one) => one === 'moved')).toHaveLength(1);
    expect(await wire.ids()).toEqual(['a']);
    expect((await wire.events()).filter(({ kind }) => kind === 'requeued')).toHaveLength(1);
  });

  it('changes nothing of a job that is in another state, of another queue, or not there', async () => {
    await failOne('a');
    await wire.enqueue('b');
    await cancel(wire.redis, 'default', 'b', wire.settings);
    await wire.redis.hset(keys.job('b'), 'origin', 'other');
    const before = await everything();
    expect(await from('canceled', 'a')).toBe('failed');
    expect(await from('finished', 'b')).toBe('canceled');
    expect(await from('canceled', 'b')).toBe('elsewhere');
    expect(await from('canceled', 'ghost')).toBe('');
    expect(await everything()).toEqual(before);
  });

  it.each([
    ...[keys.queue('default'), keys.intermediate('default'), keys.wip('default')],
    ...[keys.events('default'), keys.queues, keys.finished('default'), keys.scheduled('default')],
    ...[keys.deferred('default'), keys.canceled('default'), keys.failed('default')],
  ])('refuses before it writes when %s has a wrong type', async (key) => {
    await wire.enqueue('a', 'b');
    await cancel(wire.redis, 'default', 'a', wire.settings);
    await wire.redis.del(key);
    await wire.redis.set(key, 'x');
    const before = await wire.snapshot();
    await expect(from('canceled', 'a')).rejects.toThrow(key);
    expect(await wire.snapshot()).toEqual(before);
  });

  it('takes executions of a wrong type for none', async () => {
    await wire.enqueue('a');
    await cancel(wire.redis, 'default', 'a', wire.settings);
    await wire.redis.set(keys.executions('a'), 'x');
    expect(await from('canceled', 'a')).toBe('moved');
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
