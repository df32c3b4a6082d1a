import { describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { newJobOf } from '../../src/redis/new-job.js';
import { promote } from '../../src/redis/transitions/reschedule.js';
import { releaseLocks, schedulerName, tick } from '../../src/redis/transitions/tick.js';
import { freshWire } from './support/fresh-wire.js';
import { fail, finish, isEnd, newJob, type Wire } from './support/wire.js';

let wire: Wire;
freshWire((fresh) => {
  wire = fresh;
});

const scheduled = keys.scheduled('default');
const lock = keys.schedulerLock('default');

const look = (name = '71', { queues = ['default'], renew = false } = {}) =>
  tick(wire.redis, name, queues, renew, wire.settings);

/** Schedules jobs, then makes them due, the first one first. */
const due = async (...jobs: Array<string | ReturnType<typeof newJob>>): Promise<void> => {
  const all = jobs.map((job) => (typeof job === 'string' ? newJob(job) : job));
  await wire.enqueue(...all.map((job) => ({ ...job, due: { inMs: 600_000 } })));
  await Promise.all(all.map(({ id }, n) => wire.redis.zadd(scheduled, 1_000 + n, id)));
};

const reasons = async () =>
  (await wire.events()).flatMap((event) =>
    event.kind === 'dropped' || event.kind === 'quarantined'
      ? [`${event.kind} ${event.jobId}: ${event.reason}`]
      : [],
  );

describe('a look of a scheduler', () => {
  it('moves what is due, in its order, and leaves the rest', async () => {
    await due('a', 'b');
    await wire.enqueue(newJob('later', { due: { inMs: 90_000 } }));
    const { moved, held, nextDueMs, faults } = await look();
    expect({ moved, held, faults }).toEqual({ moved: 2, held: 1, faults: [] });
    expect(nextDueMs).toBeGreaterThan(80_000);
    expect(nextDueMs).toBeLessThanOrEqual(90_000);
    expect(await wire.ids()).toEqual(['a', 'b']);
    expect(await wire.redis.zrange(scheduled, '0', '-1')).toEqual(['later']);
    expect(await wire.hash('a')).toMatchObject({
      status: 'queued',
      enqueued_at: expect.stringMatching(/^\d{4}-.*\.\d{6}Z$/),
    });
    expect(await wire.story('a')).toBe('scheduled enqueued');
  });

  it('knows when the next job is due to the millisecond, and never moves one early', async () => {
    await wire.enqueue(newJob('a', { due: { inMs: 40 } }));
    for (let looks = 0; ; looks += 1) {
      const { moved, nextDueMs } = await look();
      if (moved === 1) break;
      expect(nextDueMs).toBeLessThanOrEqual(40);
      expect(looks).toBeLessThan(10_000);
    }
    const [planned, queued] = await wire.events();
    expect(queued?.at).toBeGreaterThanOrEqual((planned as unknown as { dueAt: number }).dueAt);
  });

  it('answers that nothing waits, and takes the lock all the same', async () => {
    expect(await look()).toEqual({ moved: 0, nextDueMs: null, held: 1, faults: [] });
    expect(await wire.redis.get(lock)).toBe('71');
    expect(await wire.redis.ttl(lock)).toBeGreaterThan(55);
  });

  it('moves nothing while another scheduler holds the lock', async () => {
    await due('a');
    await wire.redis.set(lock, '4711', 'EX', 61);
    expect(await look()).toEqual({ moved: 0, nextDueMs: null, held: 0, faults: [] });
    expect(await wire.redis.zcard(scheduled)).toBe(1);
    expect(await wire.redis.get(lock)).toBe('4711');
    await wire.redis.del(lock);
    expect(await look()).toMatchObject({ moved: 1, held: 1 });
  });

  it('of many schedulers moves each job once, also when the lock is taken from under them', async () => {
    const ids = Array.from({ length: 40 }, (_, n) => `j${n}`);
    await due(...ids);
    const all = await Promise.all(
      Array.from({ length: 30 }, async (_, n) => {
        if (n % 3 === 0) await wire.redis.del(lock);
        return look(String(n + 1));
      }),
    );
    expect(all.reduce((sum, { moved }) => sum + moved, 0)).toBe(40);
    expect(await wire.ids()).toEqual(ids);
  });

  it('renews its own locks only, and tells of itself as RQ does', async () => {
    await wire.redis.set(keys.schedulerLock('other'), '4711', 'EX', 20);
    const queues = ['default', 'other'];
    await look('71', { queues, renew: true });
    await wire.redis.expire(lock, 10);
    await look('71', { queues });
    expect(await wire.redis.ttl(lock)).toBeLessThanOrEqual(10);
    await look('71', { queues, renew: true });
    expect(await wire.redis.ttl(lock)).toBeGreaterThan(55);
    expect(await wire.redis.ttl(keys.schedulerLock('other'))).toBeLessThanOrEqual(20);
    expect(await wire.redis.hgetall(keys.scheduler('71'))).toEqual({
      name: '71',
      hostname: expect.any(String),
      pid: String(process.pid),
      queues: 'default,other',
      created_at: expect.stringMatching(/Z$/),
      last_heartbeat: expect.stringMatching(/Z$/),
    });
    expect(await wire.redis.ttl(keys.scheduler('71'))).toBeGreaterThan(55);
  });

  it('gives back its own locks and no others', async () => {
    const queues = ['default', 'other'];
    await look('71', { queues, renew: true });
    await wire.redis.set(keys.schedulerLock('other'), '4711');
    await releaseLocks(wire.redis, '71', queues);
    expect((await wire.redis.keys('rq:scheduler*')).sort()).toEqual([keys.schedulerLock('other')]);
  });

  it('has a name of digits that no other start has', () => {
    const names = new Set(Array.from({ length: 1_000 }, schedulerName));
    expect(names.size).toBe(1_000);
    for (const name of names) expect(name).toMatch(new RegExp(`^${process.pid}\\d{15}$`));
  });

  it('46: passes over a thousand ghosts, and moves the five hundred behind them', async () => {
    await wire.redis.zadd(
      scheduled,
      ...Array.from({ length: 1_000 }, (_, n) => [String(10 + n), `ghost${n}`]).flat(),
    );
    await due(...Array.from({ length: 250 }, (_, n) => `a${n}`));
    await due(...Array.from({ length: 250 }, (_, n) => `b${n}`));
    let looks = 0;
    do looks += 1;
    while ((await look()).nextDueMs === 0);
    expect(looks).toBe(6);
    expect(await wire.redis.llen(keys.queue('default'))).toBe(500);
    expect(await wire.redis.zcard(scheduled)).toBe(0);
    expect(await reasons()).toHaveLength(1_000);
    expect((await reasons())[0]).toBe('dropped ghost0: no hash');
  });

  it('47: puts aside what it cannot read, and moves the others', async () => {
    await due('good', 'odd-ttl', 'odd-status', 'no-data', 'empty', 'a:b', 'text', 'last');
    await wire.redis.hset(keys.job('odd-ttl'), 'ttl', '1h');
    await wire.redis.hset(keys.job('odd-status'), 'status', 'napping');
    await wire.redis.hdel(keys.job('no-data'), 'data');
    await wire.redis.hdel(keys.job('empty'), 'data', 'status');
    await wire.redis.del(keys.job('text'));
    await wire.redis.set(keys.job('text'), 'x');
    await look();
    // RQ 1 takes any id, and runs it.
    expect(await wire.ids()).toEqual(['good', 'a:b', 'last']);
    expect(await wire.redis.zcard(scheduled)).toBe(0);
    expect((await reasons()).sort()).toEqual([
      'dropped empty: the hash has no data',
      'dropped text: the job key is not a hash',
      'quarantined no-data: field data is missing',
      'quarantined odd-status: unknown status napping',
      'quarantined odd-ttl: field ttl cannot be read',
    ]);
    expect(await wire.redis.zrange(keys.failed('default'), '0', '-1')).toEqual(
      expect.arrayContaining(['odd-status', 'odd-ttl', 'no-data']),
    );
  });

  it.each(['queued', 'started', 'deferred'])(
    'moves a job that says %s and does not stand there: what RQ’s `save()` wrote back was of long ago',
    async (status) => {
      await due('a');
      await wire.redis.hset(keys.job('a'), 'status', status);
      await look();
      expect(await wire.ids()).toEqual(['a']);
      expect(await wire.status('a')).toBe('queued');
    },
  );

  it.each(['queued', 'started', 'finished', 'failed', 'canceled', 'deferred'])(
    'only drops the entry of a job that is %s',
    async (status) => {
      await due('a');
      await wire.redis.hset(keys.job('a'), 'status', status);
      if (status === 'queued') await wire.redis.rpush(keys.intermediate('default'), 'a');
      if (status === 'started') await wire.redis.zadd(keys.wip('default'), '+inf', 'a:1');
      if (status === 'deferred') await wire.redis.zadd(keys.deferred('default'), 1, 'a');
      if (isEnd(status)) await wire.endAs('a', status);
      await look();
      expect(await wire.ids()).toEqual([]);
      expect(await wire.status('a')).toBe(status);
      expect(await reasons()).toEqual([`dropped a: its status is ${status}`]);
    },
  );

  it.each([
    ['enqueue_at_front', { enqueue_at_front: '1' }, true],
    ['enqueue_at_front 0', { enqueue_at_front: '0' }, false],
    [
      'on retry, and it ran',
      { enqueue_at_front_on_retry: '1', ended_at: '2026-11-23T07:00:00.000000Z' },
      true,
    ],
    ['on retry, and it never ran', { enqueue_at_front_on_retry: '1', ended_at: '' }, false],
  ])('honours %s', async (_, fields, isFirst) => {
    await wire.enqueue('waiting');
    await due('a');
    await wire.redis.hset(keys.job('a'), fields);
    await look();
    expect(await wire.ids()).toEqual(isFirst ? ['a', 'waiting'] : ['waiting', 'a']);
  });

  it('begins the time to live when the job is queued, and takes away one that is not its own', async () => {
    await due(newJob('a', { fields: ['ttl', 300] }), 'b');
    await wire.redis.expire(keys.job('a'), 20);
    await wire.redis.expire(keys.job('b'), 20);
    await look();
    expect(await wire.redis.ttl(keys.job('a'))).toBeGreaterThan(290);
    expect(await wire.redis.ttl(keys.job('b'))).toBe(-1);
  });

  it('takes a job of Python that was scheduled by hand, and makes the queue its origin', async () => {
    await due('a');
    await wire.redis.hset(keys.job('a'), { status: 'created', origin: 'elsewhere' });
    await look();
    expect(await wire.hash('a')).toMatchObject({ status: 'queued', origin: 'default' });
    const worker = wire.worker();
    expect(await worker.settle(await worker.claimOne(), finish())).toBe('finished');
  });

  it('leaves jobs with a negative score alone, as RQ does, and endless ones', async () => {
    await wire.enqueue(
      newJob('a', { due: { inMs: 1_000 } }),
      newJob('b', { due: { inMs: 1_000 } }),
    );
    await wire.redis.zadd(scheduled, -1, 'a', '+inf', 'b');
    expect(await look()).toMatchObject({ moved: 0, nextDueMs: null });
  });

  it('tells of a key of a wrong type, and looks after the other queues', async () => {
    await due('a');
    for (const [at, wrong] of [keys.scheduled('x'), keys.schedulerLock('y')].entries()) {
      if (at === 0) await wire.redis.set(wrong, 'text');
      else await wire.redis.rpush(wrong, 'text');
    }
    await wire.redis.zadd(keys.scheduled('z'), 5, 'b');
    await wire.redis.set(keys.queue('z'), 'text');
    const { moved, held, nextDueMs, faults } = await look('71', {
      queues: ['x', 'y', 'z', 'default'],
    });
    expect({ moved, held, nextDueMs }).toEqual({ moved: 1, held: 3, nextDueMs: null });
    expect(faults).toEqual([
      'Key rq:scheduled:x holds a string where a zset belongs',
      'Key rq:scheduler-lock:y holds a list where a string belongs',
      'Key rq:queue:z holds a string where a list belongs',
    ]);
    expect(await wire.redis.zcard(keys.scheduled('z'))).toBe(1);
  });
});

describe('a job that waits for its time and for others', () => {
  const both = (id: string, ...parents: string[]) =>
    newJobOf('tasks.add', [1, 2], { jobId: id, dependsOn: parents, inMs: 600_000 });
  const makeDue = (...ids: string[]) =>
    Promise.all(ids.map((id, n) => wire.redis.zadd(scheduled, 1_000 + n, id)));
  const place = async (id: string) => ({
    status: (await wire.hash(id)).status,
    waits: await wire.redis.zscore(keys.deferred('default'), id),
    queued: (await wire.ids()).includes(id),
  });
  const isDeferred = { status: 'deferred', waits: 'inf', queued: false };
  const isQueued = { status: 'queued', waits: null, queued: true };

  it('is scheduled until its time, and then deferred until they have ended', async () => {
    await wire.enqueue(newJob('parent'), both('child', 'parent'));
    expect(await place('child')).toMatchObject({ status: 'scheduled', waits: null });
    expect(await wire.redis.exists(keys.dependents('parent'))).toBe(0);
    await makeDue('child');
    expect(await look()).toMatchObject({ moved: 1, nextDueMs: null });
    expect(await place('child')).toEqual(isDeferred);
    expect(await wire.redis.smembers(keys.dependents('parent'))).toEqual(['child']);
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), finish());
    expect(await place('child')).toEqual(isQueued);
    expect(await wire.story('child')).toBe('scheduled deferred released');
  });

  it('is queued at its time when they have ended before, or are gone', async () => {
    await wire.enqueue(newJob('parent'), both('child', 'parent', 'gone'));
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), finish());
    expect((await place('child')).status).toBe('scheduled');
    await makeDue('child');
    await look();
    expect(await place('child')).toEqual(isQueued);
  });

  it('waits for others only when its time has come already', async () => {
    const at = new Date(1_000);
    const past = (id: string, parent: string) =>
      newJobOf('tasks.add', [1, 2], { jobId: id, dependsOn: parent, at });
    await wire.enqueue(newJob('parent'), past('child', 'parent'), past('free', 'gone'));
    expect(await place('child')).toEqual(isDeferred);
    expect(await place('free')).toEqual(isQueued);
  });

  it('that is promoted waits for others still', async () => {
    await wire.enqueue(newJob('parent'), both('child', 'parent'));
    expect(await promote(wire.redis, 'default', 'child', wire.settings)).toBe('moved');
    expect(await place('child')).toEqual(isDeferred);
  });

  it('has its parents behind it when it waits for a retry', async () => {
    const retry = { max: 1, intervals: [60] };
    const options = { jobId: 'child', dependsOn: 'parent', retry };
    await wire.enqueue(newJob('parent'), newJobOf('tasks.add', [1, 2], options));
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), finish());
    expect(await worker.settle(await worker.claimOne(), fail())).toBe('retried');
    // As if somebody had made the parent anew.
    await wire.redis.hset(keys.job('parent'), 'status', 'queued');
    await makeDue('child');
    await look();
    expect(await place('child')).toEqual(isQueued);
  });

  it('is put aside when it would wait for itself, or cannot be made to wait', async () => {
    await wire.enqueue(
      both('a', 'b'),
      newJobOf('tasks.add', [1, 2], { jobId: 'b', dependsOn: 'a' }),
    );
    await makeDue('a');
    await look();
    expect(await reasons()).toEqual(['quarantined a: it would wait for itself: a b a']);
    await wire.redis.flushdb();
    await wire.enqueue(newJob('parent'), both('child', 'parent'));
    await wire.redis.set(keys.dependents('parent'), 'text');
    await makeDue('child');
    await look();
    expect(await reasons()).toEqual([
      'quarantined child: Key rq:job:parent:dependents holds a string where a set belongs',
    ]);
  });
});
