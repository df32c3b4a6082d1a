import { describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { unregister } from '../../src/redis/registry-store.js';
import { deleteJob } from '../../src/redis/transitions/delete.js';
import { empty } from '../../src/redis/transitions/empty.js';
import { withdraw } from '../../src/redis/transitions/queue-upkeep.js';
import { requeue, requeueFrom } from '../../src/redis/transitions/requeue.js';
import { promote, reschedule } from '../../src/redis/transitions/reschedule.js';
import { freshWire } from './support/fresh-wire.js';
import { fail, finish, newJob, type Wire } from './support/wire.js';

// RQ's `job.save()` writes back every field of a job as its producer has it, the status too: what a person does by hand goes
// by where the job stands.

let wire: Wire;
freshWire((fresh) => {
  wire = fresh;
});

const save = (id: string, status: string) => wire.redis.hset(keys.job(id), 'status', status);
const everything = () => wire.snapshot('rq:*');

/** A job that waits in a registry, and says another status. */
const registered = async (registry: 'scheduled' | 'deferred', id: string, status: string) => {
  await wire.enqueue(id);
  await wire.redis.lrem(keys.queue('default'), 0, id);
  await wire.redis.zadd(keys[registry]('default'), 9e9, id);
  await save(id, status);
};

const take = (id: string) => withdraw(wire.redis, 'default', id, wire.settings);
const takeAndDelete = (id: string, queue = 'default') =>
  deleteJob(wire.redis, queue, id, wire.settings, ['queued']);

/** An id in the list whose job stands elsewhere: running, claimed ahead, or in the registry that its status names. */
const leftovers = async () => {
  await wire.enqueue('runs', 'held', 'moved');
  const worker = wire.worker();
  const running = await worker.claimOne();
  const [held] = await worker.hold(1);
  if (!held) throw new Error('nothing held');
  await wire.redis.lrem(keys.queue('default'), 0, 'moved');
  await save('moved', 'scheduled');
  await wire.redis.zadd(keys.scheduled('default'), 9e9, 'moved');
  // Somebody moved the id of one that runs to another queue.
  await wire.redis.rpush(keys.queue('other'), 'runs');
  await wire.redis.rpush(keys.queue('default'), 'runs', 'held', 'moved');
  return { worker, running, held };
};

describe('taking a job out of its queue', () => {
  it.each([
    'scheduled',
    'deferred',
    'started',
    'created',
    'failed',
    'canceled',
    'rate_limited',
    'frobbed',
  ])('goes by the list where the job says %s', async (status) => {
    await wire.enqueue('a', 'b', 'c');
    for (const id of ['a', 'b']) await save(id, status);
    expect(await take('a')).toBe(true);
    expect(await takeAndDelete('b')).toBe(true);
    expect(await wire.status('a')).toBe('canceled');
    expect(await wire.status('b')).toBe(null);
    expect(await wire.redis.zcard(keys.canceled('default'))).toBe(1);
    expect(await wire.ids()).toEqual(['c']);
    expect(await wire.story('a')).toBe('enqueued canceled');
    expect(await wire.story('b')).toBe('enqueued deleted');
  });

  it('takes only the id of a job that stands elsewhere', async () => {
    const { worker, running, held } = await leftovers();
    const before = await wire.snapshot('rq:job:*');
    for (const id of ['runs', 'held', 'moved']) {
      expect([id, await takeAndDelete(id)]).toEqual([id, false]);
      expect([id, await take(id)]).toEqual([id, true]);
    }
    expect(await withdraw(wire.redis, 'other', 'runs', wire.settings)).toBe(true);
    expect(await wire.snapshot('rq:job:*')).toEqual(before);
    expect(await wire.ids()).toEqual([]);
    expect(await worker.settle(running, finish())).toBe('finished');
    expect(await worker.settle(held, finish())).toBe('finished');
  });

  it('deletes no job that waits in another queue', async () => {
    await wire.enqueue('a');
    expect(await takeAndDelete('a', 'other')).toBe(false);
    expect(await wire.ids()).toEqual(['a']);
    expect(await wire.status('a')).toBe('queued');
  });

  it('goes by the list when the whole queue is emptied', async () => {
    const { worker, running, held } = await leftovers();
    await wire.enqueue('a', 'b', 'c');
    await save('a', 'scheduled');
    await save('b', 'started');
    await wire.redis.hdel(keys.job('c'), 'status');
    await wire.enqueuePython('ended');
    await wire.endAs('ended', 'canceled');
    await empty(wire.redis, 'default', wire.settings);
    expect(await wire.ids()).toEqual([]);
    expect((await wire.redis.keys('rq:job:*')).sort()).toEqual(
      ['ended', 'held', 'moved', 'runs'].map(keys.job),
    );
    const deleted = (await wire.events()).filter(({ kind }) => kind === 'deleted');
    expect(deleted.map(({ jobId }) => jobId)).toEqual(['a', 'b', 'c']);
    expect(await worker.settle(running, finish())).toBe('finished');
    expect(await worker.settle(held, finish())).toBe('finished');
  });

  it('reads leases of a wrong type as none, and loses no id', async () => {
    await wire.enqueue('a', 'b');
    for (const id of ['a', 'b'])
      await wire.redis.hset(keys.job(id), 'status', 'started', 'x_exec', 'f'.repeat(32));
    await wire.redis.set(keys.wip('default'), 'x');
    expect(await take('a')).toBe(true);
    await empty(wire.redis, 'default', wire.settings);
    expect([await wire.status('a'), await wire.status('b')]).toEqual(['canceled', null]);
  });
});

describe('a scheduled job', () => {
  const now = (id: string) => promote(wire.redis, 'default', id, wire.settings);
  const later = (id: string) =>
    reschedule(wire.redis, 'default', id, { atMs: 8e12 }, wire.settings);

  it.each(['queued', 'started', 'deferred', 'created'])(
    'is promoted, given another time, and deleted where it says %s',
    async (status) => {
      for (const id of ['a', 'b', 'c']) await registered('scheduled', id, status);
      expect(await later('a')).toBe('moved');
      expect(await wire.redis.zscore(keys.scheduled('default'), 'a')).toBe('8000000000');
      expect(await now('b')).toBe('moved');
      expect(await deleteJob(wire.redis, 'default', 'c', wire.settings, ['scheduled'])).toBe(true);
      expect(await wire.ids()).toEqual(['b']);
      expect(await wire.redis.zrange(keys.scheduled('default'), 0, '-1')).toEqual(['a']);
      expect([await wire.status('b'), await wire.status('c')]).toEqual(['queued', null]);
    },
  );

  it('is left alone where it stands elsewhere, or has ended', async () => {
    await wire.enqueue('runs', 'listed', 'waits', 'ended');
    await wire.worker().claimOne();
    await wire.redis.lrem(keys.queue('default'), 0, 'waits');
    await wire.redis.lrem(keys.queue('default'), 0, 'ended');
    await save('waits', 'deferred');
    await wire.endAs('ended', 'canceled');
    await wire.redis.zadd(keys.deferred('default'), '+inf', 'waits');
    for (const id of ['runs', 'listed', 'waits', 'ended', 'ghost'])
      await wire.redis.zadd(keys.scheduled('default'), 9e9, id);
    const before = await everything();
    const statuses = {
      runs: 'started',
      listed: 'queued',
      waits: 'deferred',
      ended: 'canceled',
      ghost: '',
    };
    for (const [id, status] of Object.entries(statuses)) {
      expect([id, await now(id)]).toEqual([id, status]);
      expect([id, await later(id)]).toEqual([id, status]);
      expect([
        id,
        await deleteJob(wire.redis, 'default', id, wire.settings, ['scheduled']),
      ]).toEqual([id, false]);
    }
    expect(await everything()).toEqual(before);
  });
});

describe('requeuing out of a registry', () => {
  const from = (kind: 'finished' | 'deferred' | 'canceled', id: string) =>
    requeueFrom(wire.redis, kind, 'default', id, false, wire.settings);

  it('takes a deferred job that says otherwise', async () => {
    await registered('deferred', 'a', 'queued');
    expect(await from('deferred', 'a')).toBe('moved');
    expect(await wire.ids()).toEqual(['a']);
    expect(await wire.redis.exists(keys.deferred('default'))).toBe(0);
  });

  it('takes one that has ended and says what it was before', async () => {
    const worker = wire.worker();
    for (const [kind, status] of [
      ['finished', 'queued'],
      ['canceled', 'started'],
    ] as const) {
      await wire.enqueue(newJob(kind));
      await worker.settle(await worker.claimOne(), finish());
      await wire.redis.del(keys.finished('default'));
      await wire.redis.zadd(keys[kind]('default'), 9e9, kind);
      await save(kind, status);
      expect([kind, await from(kind, kind)]).toEqual([kind, 'moved']);
      expect(await wire.ids()).toEqual([kind]);
      expect(await wire.redis.exists(keys[kind]('default'))).toBe(0);
      await wire.redis.del(keys.queue('default'));
    }
  });

  it('leaves one alone that only says so, and is listed, planned or running', async () => {
    await wire.enqueue('runs', 'listed', 'planned');
    const worker = wire.worker();
    await worker.claimOne();
    await wire.redis.lrem(keys.queue('default'), 0, 'planned');
    await wire.redis.zadd(keys.scheduled('default'), 9e9, 'planned');
    for (const id of ['runs', 'listed', 'planned']) await save(id, 'deferred');
    // In RQ a job that repeats stays where its last run put it.
    await wire.enqueue('repeats');
    await wire.redis.zadd(keys.finished('default'), 9e9, 'repeats');
    const before = await everything();
    for (const id of ['runs', 'listed', 'planned'])
      expect([id, await from('deferred', id)]).toEqual([id, 'deferred']);
    expect(await from('finished', 'repeats')).toBe('queued');
    expect(await from('deferred', 'ghost')).toBe('');
    expect(await everything()).toEqual(before);
  });
});

describe('a failed job', () => {
  const failOne = async (id: string) => {
    const worker = wire.worker();
    await wire.enqueue(id);
    await worker.settle(await worker.claimOne(), fail('no', false));
  };
  const again = (...ids: string[]) => requeue(wire.redis, ids, false, wire.settings);

  it.each(['queued', 'started', 'finished', 'scheduled'])(
    'is requeued and deleted out of its registry where it says %s, and loses no entry alone',
    async (status) => {
      for (const id of ['a', 'b']) {
        await failOne(id);
        await save(id, status);
      }
      expect(await unregister(wire.redis, 'failed', 'default', 'a')).toBe('failed');
      expect(await again('a')).toEqual(['requeued']);
      expect(await deleteJob(wire.redis, 'default', 'b', wire.settings, ['failed'])).toBe(true);
      expect(await wire.ids()).toEqual(['a']);
      expect(await wire.redis.exists(keys.failed('default'), keys.failedQueue)).toBe(0);
      expect([await wire.status('a'), await wire.status('b')]).toEqual(['queued', null]);
    },
  );

  it('is none that runs, waits or has ended otherwise, and says so', async () => {
    await wire.enqueue('runs');
    const worker = wire.worker();
    const running = await worker.claimOne();
    await wire.enqueue('waits');
    await wire.enqueuePython('ended');
    await wire.redis.lrem(keys.queue('default'), 0, 'ended');
    await wire.endAs('ended', 'finished');
    await wire.redis.zadd(keys.failed('default'), 9e9, 'ended');
    for (const id of ['runs', 'waits']) await save(id, 'failed');
    const before = await wire.snapshot('rq:*');
    for (const id of ['runs', 'waits', 'ended']) {
      expect([id, await again(id)]).toEqual([id, ['notFailed']]);
      expect(await deleteJob(wire.redis, 'default', id, wire.settings, ['failed'])).toBe(false);
    }
    expect(await wire.snapshot('rq:*')).toEqual(before);
    expect(await worker.settle(running, finish())).toBe('finished');
  });
});

describe('an entry of a registry', () => {
  it('stays where its job stands there and says otherwise, and goes where it does not', async () => {
    await registered('scheduled', 'a', 'queued');
    await registered('deferred', 'b', 'started');
    await wire.enqueue('runs', 'waits');
    const worker = wire.worker();
    const running = await worker.claimOne();
    await save('runs', 'queued');
    await wire.redis.zadd(keys.scheduled('default'), 9e9, 'waits');
    const drop = (kind: 'scheduled' | 'deferred' | 'started', id: string) =>
      unregister(wire.redis, kind, 'default', id);
    expect(await drop('scheduled', 'a')).toBe('scheduled');
    expect(await drop('deferred', 'b')).toBe('deferred');
    expect(await drop('started', 'runs')).toBe('started');
    expect(await drop('scheduled', 'waits')).toBe('removed');
    expect(await worker.settle(running, finish())).toBe('finished');
  });
});
