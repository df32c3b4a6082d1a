import { describe, expect, it } from '@jest/globals';
import { WrongKeyTypeError } from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { newJobOf } from '../../src/redis/new-job.js';
import { listRateLimits, sweepLimits } from '../../src/redis/rate-limits.js';
import { cancel } from '../../src/redis/transitions/cancel.js';
import { deleteJob } from '../../src/redis/transitions/delete.js';
import { empty } from '../../src/redis/transitions/empty.js';
import { enqueue, type NewJob } from '../../src/redis/transitions/enqueue.js';
import { quarantine } from '../../src/redis/transitions/quarantine.js';
import { withdraw } from '../../src/redis/transitions/queue-upkeep.js';
import { recover } from '../../src/redis/transitions/recover.js';
import { requeue, requeueFrom } from '../../src/redis/transitions/requeue.js';
import { refuse } from '../../src/redis/wrong-type.js';
import { freshWire } from './support/fresh-wire.js';
import { overdueIn } from './support/overdue.js';
import { back, createdAt, fail, finish, settlement, Wire } from './support/wire.js';

let wire: Wire;
let url: string;
freshWire((fresh, at) => {
  wire = fresh;
  url = at;
});

const key = 'tenant 7: ünï';
const limited = (jobId: string, concurrency = 1, more = {}): NewJob =>
  newJobOf('tasks.add', [1, 2], { jobId, rateLimit: { key, concurrency }, ...more });
const put = (...jobs: NewJob[]) => wire.enqueue(...jobs);
const status = (id: string) => wire.redis.hget(keys.job(id), 'status');
const queued = (queue = 'default') => wire.redis.lrange(keys.queue(queue), 0, -1);
const allowed = () => wire.redis.zrange(keys.allowed(key), '0', '-1');
const waiting = () => wire.redis.zrange(keys.rateLimited(key), '0', '-1');
const kinds = async (id: string) =>
  (await wire.events()).filter(({ jobId }) => jobId === id).map(({ kind }) => kind);

describe('a job with a rate limit', () => {
  it('is queued while there are slots, and waits in no queue when there are none', async () => {
    await put(limited('a', 2), limited('b', 2), limited('c', 2), limited('d', 2));
    expect(await queued()).toEqual(['a', 'b']);
    expect(await allowed()).toEqual(['a', 'b']);
    expect(await waiting()).toEqual(['c', 'd']);
    expect(await status('a')).toBe('queued');
    expect(await wire.redis.hgetall(keys.job('c'))).toMatchObject({
      status: 'rate_limited',
      rate_limit_key: key,
      rate_limit_concurrency: '2',
      origin: 'default',
    });
    expect(await wire.redis.hget(keys.job('c'), 'enqueued_at')).toBeNull();
    expect(await wire.redis.hgetall(keys.rateLimit(key))).toEqual({ concurrency: '2' });
    expect(await wire.redis.smembers(keys.rateLimits)).toEqual([key]);
    expect(await kinds('c')).toEqual(['rateLimited']);
    expect(await listRateLimits(wire.redis, refuse)).toEqual([
      { key, concurrency: 2, allowed: 2, waiting: 2 },
    ]);
  });

  it('is written once when its enqueue is repeated, waiting or not', async () => {
    const jobs = [limited('a'), limited('b')];
    await put(...jobs);
    expect(await enqueue(wire.redis, 'default', createdAt, jobs, wire.settings)).toEqual([
      'same',
      'same',
    ]);
    expect([await allowed(), await waiting()]).toEqual([['a'], ['b']]);
  });

  it.each([
    ['finished', finish()],
    ['failed', fail()],
    ['stopped', { kind: 'stop', reason: 'r', traceback: 't' }] as const,
  ])('gives its slot to the next when it %s, in the same call', async (_, end) => {
    await put(limited('a'), limited('b'), limited('c'));
    const worker = wire.worker();
    const a = await worker.claimOne();
    expect(await worker.claim()).toEqual([]);
    const reply = await worker.send(
      worker.request({ settlements: [settlement(a, end)], toStart: 5 }),
    );
    expect(reply.claimed.map(({ jobId }) => jobId)).toEqual(['b']);
    expect([await allowed(), await waiting()]).toEqual([['b'], ['c']]);
    expect(await kinds('b')).toEqual(['rateLimited', 'released', 'started']);
  });

  it('keeps its slot through a retry at once and a handback, not through one with a pause', async () => {
    const retry = (intervalsSeconds: number[]) => ({ retry: { max: 2, intervalsSeconds } });
    await put(limited('a', 1, retry([0, 60])), limited('b'));
    const worker = wire.worker();
    expect(await worker.settle(await worker.claimOne(), back)).toBe('handedBack');
    expect(await worker.settle(await worker.claimOne(), fail())).toBe('retried');
    expect([await allowed(), await queued()]).toEqual([['a'], ['a']]);
    expect(await worker.settle(await worker.claimOne(), fail())).toBe('retried');
    expect(await status('a')).toBe('scheduled');
    expect([await allowed(), await queued()]).toEqual([['b'], ['b']]);
    // Its time has come, and whoever moved it knew nothing of limits: the claim makes it wait.
    await wire.redis.zrem(keys.scheduled('default'), 'a');
    await wire.redis.hset(keys.job('a'), 'status', 'queued');
    await wire.redis.lpush(keys.queue('default'), 'a');
    expect((await worker.claim(5)).map(({ jobId }) => jobId)).toEqual(['b']);
    expect([await status('a'), await waiting()]).toEqual(['rate_limited', ['a']]);
  });

  it('is held to its limit by the claim, however it came to the queue', async () => {
    for (const id of ['a', 'b', 'c', 'd'])
      await wire.enqueuePython(id, { rate_limit_key: key, rate_limit_concurrency: '2' });
    const worker = wire.worker();
    const jobs = await worker.claim(10);
    expect(jobs.map(({ jobId, rateLimitKey }) => [jobId, rateLimitKey])).toEqual([
      ['a', key],
      ['b', key],
    ]);
    expect([await allowed(), await waiting()]).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    await worker.settle(jobs[0] as (typeof jobs)[0], finish());
    expect((await worker.claim(10)).map(({ jobId }) => jobId)).toEqual(['c']);
  });

  it('runs without a limit when nobody can read it', async () => {
    await wire.enqueuePython('a', { rate_limit_key: key, rate_limit_concurrency: 'some' });
    await wire.enqueuePython('b', { rate_limit_key: key });
    await wire.enqueuePython('c', { rate_limit_key: '', rate_limit_concurrency: '' });
    expect(await wire.worker().claim(10)).toHaveLength(3);
    expect(await allowed()).toEqual([]);
  });

  it('tells its key again when the reply was lost', async () => {
    await put(limited('a'));
    const worker = wire.worker();
    const request = worker.request({ toStart: 1 });
    const first = await worker.send(request);
    expect(await worker.send(request)).toEqual(first);
    expect(first.claimed[0]?.rateLimitKey).toBe(key);
    // And its end, told twice, frees one slot.
    await put(limited('b'), limited('c'));
    const end = worker.request({
      settlements: [settlement(first.claimed[0] as (typeof first.claimed)[0], finish())],
    });
    await worker.send(end);
    await worker.send(end);
    expect([await allowed(), await waiting()]).toEqual([['b'], ['c']]);
  });

  it('leaves jobs without one as they are', async () => {
    await wire.enqueue('plain', limited('a'), 'plain-2', limited('b'));
    const jobs = await wire.worker().claim(10);
    expect(jobs.map(({ jobId, rateLimitKey }) => [jobId, rateLimitKey])).toEqual([
      ['plain', undefined],
      ['a', key],
      ['plain-2', undefined],
    ]);
  });
});

describe('a slot', () => {
  const two = async () => put(limited('a'), limited('b'));
  const isB = async () => {
    expect(await allowed()).toEqual(['b']);
    expect(await waiting()).toEqual([]);
    expect(await queued()).toEqual(['b']);
    expect(await status('b')).toBe('queued');
  };

  it('is given back when the job is canceled', async () => {
    await two();
    await cancel(wire.redis, 'default', 'a', wire.settings);
    await isB();
  });

  it('is given back when the job is deleted', async () => {
    await two();
    await deleteJob(wire.redis, 'default', 'a', wire.settings);
    await isB();
  });

  it('is given back when the job is taken out of its queue, or quarantined by hand', async () => {
    await two();
    await withdraw(wire.redis, 'default', 'a', wire.settings);
    await isB();
    await put(limited('c'));
    expect(await quarantine(wire.redis, 'default', 'c', 'r', 't', wire.settings)).toBe(
      'rate_limited',
    );
    expect([await status('c'), await waiting()]).toEqual(['failed', []]);
    await quarantine(wire.redis, 'default', 'b', 'r', 't', wire.settings);
    expect(await allowed()).toEqual([]);
  });

  it('is given back when the queue is emptied: what waited for it was in no queue, and comes then', async () => {
    await put(limited('a'));
    await wire.enqueueOn('other', limited('b'));
    expect(await empty(wire.redis, 'default', wire.settings)).toBe(1);
    expect([await queued(), await queued('other'), await allowed()]).toEqual([[], ['b'], ['b']]);
  });

  it('is kept by a canceled or deleted job until it has stopped', async () => {
    await two();
    const worker = wire.worker();
    const a = await worker.claimOne();
    await cancel(wire.redis, 'default', 'a', wire.settings);
    expect(await allowed()).toEqual(['a']);
    expect(await worker.settle(a, finish())).toBe('canceled');
    const b = await worker.claimOne();
    await put(limited('c'));
    await deleteJob(wire.redis, 'default', 'b', wire.settings);
    expect(await waiting()).toEqual(['c']);
    expect(await worker.settle(b, finish())).toBe('gone');
    expect([await allowed(), await queued()]).toEqual([['c'], ['c']]);
  });

  it('is given back by the recovery of a dead worker, unless the job runs again', async () => {
    await put(limited('a'), limited('b'));
    const short = new Wire(url, { narrowLeaseMs: 100, maxRecoveries: 1 });
    try {
      for (const [times, verdict] of [
        [1, 'recovered'],
        [2, 'quarantined'],
      ] as const) {
        await wire.worker().claimOne();
        const [member] = await wire.redis.zrange(keys.wip('default'), '0', '-1');
        await wire.redis.zadd(keys.wip('default'), times, member as string);
        const overdue = await overdueIn(wire.redis, 'default');
        expect(await recover(wire.redis, 'default', overdue, short.settings)).toEqual([verdict]);
        expect(await allowed()).toEqual([times === 1 ? 'a' : 'b']);
      }
      await isB();
    } finally {
      short.close();
    }
  });

  it('of a failed job is taken anew when it is requeued', async () => {
    await two();
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), fail());
    await isB();
    await requeue(wire.redis, ['a'], true, wire.settings);
    expect(await worker.claim(5)).toMatchObject([{ jobId: 'b' }]);
    expect([await allowed(), await waiting()]).toEqual([['b'], ['a']]);
  });

  it('of a canceled job is taken anew when it is requeued, or kept by one that runs still', async () => {
    const back = (id: string) =>
      requeueFrom(wire.redis, 'canceled', 'default', id, true, wire.settings);
    await put(limited('a'), limited('b'));
    await cancel(wire.redis, 'default', 'b', wire.settings);
    expect(await back('b')).toBe('moved');
    const zombie = wire.worker();
    const old = await zombie.claimOne();
    expect([old.jobId, await status('b'), await waiting()]).toEqual(['a', 'rate_limited', ['b']]);
    await cancel(wire.redis, 'default', 'a', wire.settings);
    expect(await back('a')).toBe('moved');
    expect(await zombie.settle(old, finish())).toBe('lost');
    expect([await allowed(), await waiting()]).toEqual([['a'], ['b']]);
    const worker = wire.worker();
    expect(await worker.settle(await worker.claimOne(), finish())).toBe('finished');
    expect([await allowed(), await queued()]).toEqual([['b'], ['b']]);
  });

  it('is not lost to a waiting job that was canceled, deleted or expired', async () => {
    await put(...'abcdef'.split('').map((id) => limited(id)));
    await cancel(wire.redis, 'default', 'b', wire.settings);
    await deleteJob(wire.redis, 'default', 'c', wire.settings);
    expect(await waiting()).toEqual(['d', 'e', 'f']);
    await wire.redis.del(keys.job('d'));
    await wire.endAs('e', 'finished');
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), finish());
    expect([await allowed(), await waiting(), await queued()]).toEqual([['f'], [], ['f']]);
  });

  it('47: is not needed by a waiting job whose status nobody knows: its queue puts it aside', async () => {
    await put(...'abc'.split('').map((id) => limited(id)));
    await wire.redis.hset(keys.job('b'), 'status', 'exploded');
    await sweepLimits(wire.redis, wire.settings);
    expect(await waiting()).toEqual(['b', 'c']);
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), finish());
    expect((await worker.claim(3)).map(({ jobId }) => jobId)).toEqual(['c']);
    expect([await status('b'), await allowed(), await waiting()]).toEqual(['failed', ['c'], []]);
    expect(await wire.events()).toContainEqual(
      expect.objectContaining({ kind: 'quarantined', reason: 'unknown status exploded' }),
    );
  });

  it.each(['queued', 'scheduled', 'started'])(
    'comes to a waiting job of which RQ’s `save()` wrote back that it is %s',
    async (stale) => {
      await put(limited('a'), limited('b'));
      await wire.redis.hset(keys.job('b'), 'status', stale);
      await sweepLimits(wire.redis, wire.settings);
      expect(await waiting()).toEqual(['b']);
      const worker = wire.worker();
      await worker.settle(await worker.claimOne(), finish());
      expect([await allowed(), await queued(), await status('b')]).toEqual([
        ['b'],
        ['b'],
        'queued',
      ]);
    },
  );

  it('is given back by a job that is put aside when it is claimed', async () => {
    await put(limited('a'), limited('b'));
    await wire.redis.hset(keys.job('a'), 'timeout', 'soon');
    const worker = wire.worker();
    expect(await worker.claim(1)).toEqual([]);
    expect([await status('a'), await allowed(), await queued()]).toEqual(['failed', ['b'], ['b']]);
  });

  it('goes to another queue, at its front when the job says so', async () => {
    await put(limited('a'));
    await wire.enqueueOn('other', limited('b', 1, { atFront: true }), 'plain');
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), finish());
    expect(await queued('other')).toEqual(['b', 'plain']);
    expect(await wire.redis.smembers(keys.queues)).toContain(keys.queue('other'));
  });

  it('goes to the next but one when the queue of the next is broken', async () => {
    await put(limited('a'));
    await wire.enqueueOn('other', limited('b'));
    await put(limited('c'));
    await wire.redis.set(keys.queue('other'), 'no list');
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), finish());
    expect([await allowed(), await waiting()]).toEqual([['c'], ['b']]);
  });
});

describe('a limit', () => {
  it('is what the newest job says; more slots let waiting jobs through first', async () => {
    await put(limited('a', 1), limited('b', 1), limited('c', 1));
    await put(limited('d', 3));
    expect([await allowed(), await waiting()]).toEqual([['a', 'b', 'c'], ['d']]);
    await put(limited('e', 1));
    const worker = wire.worker();
    for (const job of await worker.claim(2)) await worker.settle(job, finish());
    expect([await allowed(), await waiting()]).toEqual([['c'], ['d', 'e']]);
  });

  it('is not what an older job says that comes to its queue again', async () => {
    await put(limited('a', 5), limited('b', 5));
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), fail());
    await put(limited('c', 1));
    await requeue(wire.redis, ['a'], false, wire.settings);
    expect((await worker.claim(5)).map(({ jobId }) => jobId)).toEqual(['b']);
    expect(await wire.redis.hget(keys.rateLimit(key), 'concurrency')).toBe('1');
    expect(await waiting()).toEqual(['c', 'a']);
  });

  it('is forgotten with its last job', async () => {
    await put(limited('a'), limited('b'));
    const worker = wire.worker();
    for (let n = 0; n < 2; n += 1) await worker.settle(await worker.claimOne(), finish());
    expect(await wire.redis.keys('rq:rl*')).toEqual([]);
    expect(await listRateLimits(wire.redis, refuse)).toEqual([]);
  });

  it('whose hash somebody removed is that of the next job', async () => {
    await put(limited('a', 1), limited('b', 2), limited('c', 2));
    await wire.redis.del(keys.rateLimit(key));
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), finish());
    expect(await waiting()).toEqual([]);
    expect(await wire.redis.hget(keys.rateLimit(key), 'concurrency')).toBe('2');
  });

  it.each([
    ['hash', keys.rateLimit(key)],
    ['allowed', keys.allowed(key)],
    ['waiting', keys.rateLimited(key)],
    ['list of limits', keys.rateLimits],
  ])('with a %s of a wrong type refuses new jobs, and holds nobody up', async (_, odd) => {
    await wire.redis.set(odd, 'of another type');
    const verdicts = await enqueue(
      wire.redis,
      'default',
      createdAt,
      [limited('a'), newJobOf('x', [], { jobId: 'plain' })],
      wire.settings,
    );
    expect(verdicts).toEqual([expect.any(WrongKeyTypeError), 'written']);
    expect((verdicts[0] as Error).message).toContain(odd);
    await wire.enqueuePython('b', { rate_limit_key: key, rate_limit_concurrency: '1' });
    const worker = wire.worker();
    const jobs = await worker.claim(5);
    expect(jobs.map(({ jobId }) => jobId)).toEqual(['plain', 'b']);
    for (const job of jobs) expect(await worker.settle(job, finish())).toBe('finished');
  });

  it('is never exceeded, and passes everybody, under many workers', async () => {
    const ids = Array.from({ length: 60 }, (_, n) => `job-${n}`);
    for (const id of ids) await put(limited(id, 3));
    const workers = Array.from({ length: 4 }, () => wire.worker());
    const order: string[] = [];
    let running = 0;
    let most = 0;
    for (let round = 0; order.length < ids.length && round < 200; round += 1) {
      const worker = workers[round % 4] as (typeof workers)[0];
      const jobs = await worker.claim(2);
      running += jobs.length;
      most = Math.max(most, running);
      order.push(...jobs.map(({ jobId }) => jobId));
      for (const job of jobs) {
        if (round % 7 === 3) await worker.settle(job, back);
        else await worker.settle(job, finish());
        running -= 1;
        if (round % 7 === 3) order.pop();
      }
    }
    expect(most).toBeLessThanOrEqual(3);
    expect(new Set(order).size).toBe(60);
    expect(await wire.redis.keys('rq:rl*')).toEqual([]);
  });
});

describe('the sweep', () => {
  it('takes back slots that nobody holds, and lets others through', async () => {
    await put(...'abcdefgh'.split('').map((id) => limited(id, 4)));
    const worker = wire.worker();
    const [a] = await worker.claim(1);
    // Run by a worker that knows no limits; expired in its queue; made anew without a limit.
    await wire.redis.hset(keys.job('b'), 'status', 'finished');
    await wire.redis.del(keys.job('c'));
    await wire.redis.hdel(keys.job('d'), 'rate_limit_key');
    expect(await sweepLimits(wire.redis, wire.settings)).toBe(3);
    expect(await allowed()).toEqual(['a', 'e', 'f', 'g']);
    expect(await queued()).toEqual(['b', 'c', 'd', 'e', 'f', 'g']);
    // One of all workers, every few seconds.
    expect(await sweepLimits(wire.redis, wire.settings)).toBeNull();
    await wire.redis.del(keys.sweepingLimits);
    // Canceled, and still running.
    await cancel(wire.redis, 'default', 'a', wire.settings);
    expect(await sweepLimits(wire.redis, wire.settings)).toBe(0);
    await wire.redis.del(keys.sweepingLimits);
    await wire.redis.zrem(keys.wip('default'), `a:${a?.execution}`);
    expect(await sweepLimits(wire.redis, wire.settings)).toBe(1);
    expect(await allowed()).toEqual(['e', 'f', 'g', 'h']);
  });

  it('takes back the slot of one that has ended and says again what it was, not that of one that runs once more', async () => {
    await put(limited('a', 3), limited('b', 3), limited('c', 3), limited('d', 3));
    for (const id of ['a', 'b']) {
      await wire.endAs(id, 'finished');
      await wire.redis.hset(keys.job(id), 'status', 'queued');
    }
    await wire.redis.lrem(keys.queue('default'), 1, 'a');
    expect(await sweepLimits(wire.redis, wire.settings)).toBe(1);
    expect(await allowed()).toEqual(['b', 'c', 'd']);
  });

  it('takes out what waits for a slot and has expired, or is canceled by somebody who knows no limits', async () => {
    await put(limited('a'), limited('b'), limited('c'), limited('d'));
    await wire.redis.del(keys.job('b'));
    await wire.endAs('c', 'canceled');
    await sweepLimits(wire.redis, wire.settings);
    expect([await allowed(), await waiting()]).toEqual([['a'], ['d']]);
  });
});
