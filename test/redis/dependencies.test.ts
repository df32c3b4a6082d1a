import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { dependencyFields } from '../../src/redis/depends-on.js';
import { DependencyCycleError } from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { cancel } from '../../src/redis/transitions/cancel.js';
import { deleteJob } from '../../src/redis/transitions/delete.js';
import { enqueue, type NewJob } from '../../src/redis/transitions/enqueue.js';
import {
  drainReady,
  findStuck,
  freeMore,
  freeStuck,
} from '../../src/redis/transitions/free-dependents.js';
import { quarantine } from '../../src/redis/transitions/quarantine.js';
import { dropLeaks, recover } from '../../src/redis/transitions/recover.js';
import { requeue } from '../../src/redis/transitions/requeue.js';
import { type FreshRedis, freshRedis, startPrivateRedis } from '../support/redis.js';
import { createdAt, fail, finish, newJob, settlement, Wire } from './support/wire.js';

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

const waiting = (
  id: string,
  parents: string[],
  more: Partial<NewJob> & { allowsFailure?: boolean } = {},
): NewJob => {
  const { allowsFailure = false, atFront = false, fields = [], ...rest } = more;
  const waitsFor = { ids: parents, allowsFailure };
  return newJob(id, {
    ...rest,
    atFront,
    after: waitsFor,
    fields: [...fields, ...dependencyFields(waitsFor, atFront)],
  });
};

const dependentsOf = async (id: string): Promise<string[]> =>
  (await wire.redis.smembers(keys.dependents(id))).sort();

/** Claims one job and ends it. */
const end = async (id: string, how = finish()): Promise<void> => {
  const worker = wire.worker();
  const job = await worker.claimOne();
  expect(job.jobId).toBe(id);
  await worker.settle(job, how);
};

describe('enqueue of a job that waits', () => {
  it('writes hash, both sets, registry, queue name and event in one step', async () => {
    await wire.enqueue('a', 'b');
    await wire.enqueueOn(
      'other',
      waiting('c', ['a', 'b'], { atFront: true, allowsFailure: true, ttlSeconds: 60 }),
    );
    expect(await wire.hash('c')).toMatchObject({
      status: 'deferred',
      origin: 'other',
      dependency_ids: '["a","b"]',
      dependency_id: 'a',
      allow_dependency_failures: '1',
      enqueue_at_front: '1',
      last_heartbeat: '',
    });
    expect(await wire.hash('c')).not.toHaveProperty('enqueued_at');
    expect(await wire.redis.ttl(keys.job('c'))).toBe(-1);
    expect(await dependentsOf('a')).toEqual(['c']);
    expect(await dependentsOf('b')).toEqual(['c']);
    expect((await wire.redis.smembers(keys.dependencies('c'))).sort()).toEqual(['a', 'b']);
    // Where every version of RQ leaves it alone.
    expect(await wire.redis.zscore(keys.deferred('other'), 'c')).toBe('inf');
    expect(await wire.redis.sismember(keys.queues, keys.queue('other'))).toBe(1);
    expect(await wire.ids('other')).toEqual([]);
    expect(await wire.story('c', 'other')).toBe('deferred');
  });

  it('enqueues it at once when its parents finished, failed and may, or are not there', async () => {
    await wire.enqueue('done', 'broken');
    await end('done');
    await end('broken', fail('no', false));
    await wire.enqueue(
      waiting('c', ['done', 'broken', 'never-there'], { allowsFailure: true }),
      waiting('d', ['broken']),
    );
    expect([await wire.status('c'), await wire.status('d')]).toEqual(['queued', 'deferred']);
    expect(await wire.story('c')).toBe('enqueued');
    expect(await wire.redis.exists(keys.dependencies('c'), keys.dependents('done'))).toBe(0);
    expect(await dependentsOf('broken')).toEqual(['d']);
  });

  it('takes a repeated request for the one that it is', async () => {
    await wire.enqueue('a');
    const jobs = [newJob('p'), waiting('c', ['a'])];
    const send = () => enqueue(wire.redis, 'default', createdAt, jobs, wire.settings);
    expect(await send()).toEqual(['written', 'written']);
    const before = await wire.snapshot();
    expect(await send()).toEqual(['same', 'same']);
    expect(await wire.snapshot()).toEqual(before);
    await end('a');
    const released = await wire.snapshot('rq:*');
    expect(await send()).toEqual(['same', 'same']);
    expect(await wire.snapshot('rq:*')).toEqual(released);
  });

  it('refuses a cycle, names it, and writes the others of the batch', async () => {
    await wire.enqueue('a', waiting('b', ['a', 'd']), waiting('c', ['b']));
    const verdicts = await enqueue(
      wire.redis,
      'default',
      createdAt,
      [waiting('d', ['a', 'c']), newJob('e')],
      wire.settings,
    );
    expect(verdicts).toEqual([expect.any(DependencyCycleError), 'written']);
    expect(verdicts[0]).toMatchObject({ cycle: ['d', 'c', 'b', 'd'] });
    expect(await wire.redis.exists(keys.job('d'), keys.dependencies('d'))).toBe(0);
    expect(await dependentsOf('c')).toEqual([]);
  });

  it('refuses a job whose parent has something else for a set, before anything of it is written', async () => {
    await wire.enqueue('a');
    await wire.redis.set(keys.dependents('a'), 'x');
    const before = await wire.snapshot();
    const [verdict] = await enqueue(
      wire.redis,
      'default',
      createdAt,
      [waiting('c', ['a'])],
      wire.settings,
    );
    expect(String(verdict)).toContain(`${keys.dependents('a')} holds a string where a set belongs`);
    expect(await wire.snapshot()).toEqual(before);
  });

  it('waits for a job that comes later under the id of a missing one', async () => {
    await wire.enqueue('a', waiting('c', ['a', 'late']));
    await wire.enqueueOn('side', 'late');
    await end('a');
    expect(await wire.status('c')).toBe('deferred');
    const worker = wire.worker('side');
    await worker.settle(await worker.claimOne(), finish());
    expect(await wire.status('c')).toBe('queued');
  });
});

describe('the end of a parent', () => {
  it('puts its dependents on their own queues, in the same step, and tells it there', async () => {
    await wire.enqueue('a');
    await wire.enqueueOn(
      'other',
      'x',
      waiting('c', ['a'], { ttlSeconds: 60, fields: ['ttl', 60] }),
      waiting('d', ['a'], { atFront: true }),
    );
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), finish());
    expect(await wire.ids('other')).toEqual(['d', 'x', 'c']);
    expect(await wire.hash('c')).toMatchObject({
      status: 'queued',
      enqueued_at: expect.stringMatching(/Z$/),
    });
    expect(await wire.redis.ttl(keys.job('c'))).toBeGreaterThan(58);
    expect(await wire.redis.zcard(keys.deferred('other'))).toBe(0);
    expect(await wire.redis.exists(keys.dependents('a'), keys.unfreed)).toBe(0);
    expect(await wire.story('c', 'other')).toBe('deferred released');
    expect((await wire.events('other')).find(({ kind }) => kind === 'released')).toMatchObject({
      by: 'a',
      worker: worker.name,
    });
    // Not for ever, but as long as somebody may want to know what it waited for.
    expect(await wire.redis.ttl(keys.dependencies('c'))).toBeGreaterThan(86_000);
  });

  it('gives a dependent of the same queue to the call that ended the parent', async () => {
    await wire.enqueue('a', waiting('b', ['a']));
    const worker = wire.worker();
    const a = await worker.claimOne();
    const request = worker.request({ settlements: [settlement(a, finish())], toStart: 1 });
    const reply = await worker.send(request);
    expect(reply.claimed.map(({ jobId }) => jobId)).toEqual(['b']);
    // The reply was lost: the same again changes nothing.
    const before = await wire.snapshot();
    expect(await worker.send(request)).toEqual(reply);
    expect(await wire.snapshot()).toEqual(before);
    expect(await wire.story('b')).toBe('deferred released started');
  });

  it('frees also when nothing of the parent is kept', async () => {
    await wire.enqueue(newJob('a', { fields: ['result_ttl', 0] }), waiting('b', ['a']));
    await end('a');
    expect([await wire.status('a'), await wire.status('b')]).toEqual([null, 'queued']);
    expect(await wire.redis.keys('*:depend*')).toEqual([keys.dependencies('b')]);
  });

  it('waits for the last of several, of which one may be deleted', async () => {
    await wire.enqueue('a', 'b', waiting('c', ['a', 'b', 'gone']));
    await end('a');
    expect(await wire.status('c')).toBe('deferred');
    await end('b');
    expect(await wire.status('c')).toBe('queued');
    expect(await wire.redis.keys('rq:job:*:dependents')).toEqual([]);
  });

  it('frees none that ran, of which Python left the id with another parent and wrote back that it waits', async () => {
    await wire.enqueue('a', waiting('c', ['a']));
    await end('a');
    await end('c');
    await wire.enqueue('b');
    await wire.redis.sadd(keys.dependents('b'), 'c');
    await wire.redis.hset(keys.job('c'), 'status', 'deferred');
    await end('b');
    expect(await wire.ids()).toEqual([]);
    expect(await wire.redis.exists(keys.dependents('b'))).toBe(0);
  });

  it('frees of a failed one those who allow it; the others when it was requeued and finishes', async () => {
    await wire.enqueue('a', waiting('may', ['a'], { allowsFailure: true }), waiting('must', ['a']));
    await end('a', fail('no', false));
    expect([await wire.status('may'), await wire.status('must')]).toEqual(['queued', 'deferred']);
    expect(await wire.hash('must')).toMatchObject({ x_unmet: 'a' });
    expect(await dependentsOf('a')).toEqual(['must']);
    expect(await wire.redis.ttl(keys.dependents('a'))).toBe(await wire.redis.ttl(keys.job('a')));
    await end('may');
    await requeue(wire.redis, ['a'], false, wire.settings);
    expect(await wire.redis.ttl(keys.dependents('a'))).toBe(-1);
    await end('a');
    expect(await wire.hash('must')).toMatchObject({ status: 'queued' });
    expect(await wire.hash('must')).not.toHaveProperty('x_unmet');
    await wire.redis.del(keys.queue('default'));
    expect(await wire.story('may')).toBe('deferred released started finished');
  });

  it('frees nobody while a retry is left', async () => {
    const retries = ['retries_left', 1, 'retry_intervals', '[0]'];
    await wire.enqueue(
      newJob('a', { fields: retries }),
      waiting('may', ['a'], { allowsFailure: true }),
    );
    await end('a', fail());
    expect(await wire.status('may')).toBe('deferred');
    await end('a', fail());
    expect(await wire.status('may')).toBe('queued');
  });

  it('frees when the parent is put aside unrun, by a claim or by hand', async () => {
    await wire.enqueue(
      newJob('odd', { fields: ['timeout', 'x'] }),
      waiting('b', ['odd'], { allowsFailure: true }),
    );
    expect(await wire.worker().claim()).toEqual([]);
    expect(await wire.status('b')).toBe('queued');
    await wire.enqueue(
      'c',
      waiting('d', ['c'], { allowsFailure: true }),
      waiting('e', ['d'], { allowsFailure: true }),
    );
    await quarantine(wire.redis, 'default', 'c', 'by hand', '', wire.settings);
    expect(await wire.status('d')).toBe('queued');
    // A waiting one as well: it waits for nobody any more, also where Python ends the parent.
    await wire.enqueue('f', waiting('g', ['f']), waiting('h', ['g'], { allowsFailure: true }));
    await quarantine(wire.redis, 'default', 'g', 'by hand', '', wire.settings);
    expect([await wire.status('g'), await wire.status('h')]).toEqual(['failed', 'queued']);
    expect(await dependentsOf('f')).toEqual([]);
    expect(await wire.redis.ttl(keys.dependencies('g'))).toBeGreaterThan(86_000);
    expect(await wire.redis.zcard(keys.deferred('default'))).toBe(1);
  });

  it('frees when the parent was given up as abandoned', async () => {
    const lazy = new Wire(server.url, { maxRecoveries: 0 });
    await wire.enqueue('a', waiting('may', ['a'], { allowsFailure: true }), waiting('must', ['a']));
    const { jobId, execution } = await wire.worker().claimOne();
    const member = `${jobId}:${execution}`;
    await wire.redis.zadd(keys.wip('default'), 1, member);
    const lease = { member: Buffer.from(member), score: '1', kind: 'job' as const };
    expect(await recover(lazy.redis, 'default', [lease], lazy.settings)).toEqual(['quarantined']);
    expect([await wire.status('may'), await wire.status('must')]).toEqual(['queued', 'deferred']);
    expect((await wire.story('may')).split(' ')).toEqual(['deferred', 'released']);
    lazy.close();
  });

  it('costs jobs without dependents one look for the whole call', async () => {
    // The counts are the server's: nobody else may be on it.
    const server = await startPrivateRedis();
    const alone = new Wire(server.url);
    const callsFor = async (count: number): Promise<Record<string, string>> => {
      await alone.enqueue(...Array.from({ length: count }, (_, n) => `j${count}-${n}`));
      const worker = alone.worker();
      const jobs = await worker.claim(count);
      await alone.redis.config('RESETSTAT');
      const settlements = jobs.map((job) => settlement(job, finish()));
      await worker.send(worker.request({ settlements }));
      const stats = await alone.redis.info('commandstats');
      const calls = [...stats.matchAll(/cmdstat_(exists|sscan|smembers|srem):calls=(\d+)/g)];
      return Object.fromEntries(calls.map(([, command, times]) => [command, times]));
    };
    expect(await callsFor(1)).toEqual({ exists: '1' });
    expect(await callsFor(50)).toEqual({ exists: '1' });
    alone.close();
    await server.stop();
  });
});

describe('a parent with more dependents than one call may free', () => {
  /** Ends the parent of 1,000 others. */
  const endOfMany = async (
    how = finish(),
    more: Partial<NewJob> = {},
    allowsFailure = false,
  ): Promise<void> => {
    const ids = Array.from({ length: 1_000 }, (_, n) => `c${n}`);
    await wire.enqueue(newJob('a', more));
    for (let from = 0; from < ids.length; from += 250)
      await wire.enqueueOn(
        'other',
        ...ids.slice(from, from + 250).map((id) => waiting(id, ['a'], { allowsFailure })),
      );
    await end('a', how);
  };

  it.each([
    ['finished', finish(), {}],
    ['finished and is not kept', finish(), { fields: ['result_ttl', 0] }],
    ['failed', fail('no', false), {}],
  ])('is remembered when it %s, and the rest is freed a part at a time', async (_, how, more) => {
    await endOfMany(how, more, true);
    const first = await wire.redis.llen(keys.queue('other'));
    expect(first).toBeGreaterThan(50);
    expect(first).toBeLessThan(300);
    expect(await wire.redis.hkeys(keys.unfreed)).toEqual(['a']);
    // Two janitors at once.
    await Promise.all([freeMore(wire.redis, wire.settings), freeMore(wire.redis, wire.settings)]);
    expect(new Set(await wire.ids('other')).size).toBe(1_000);
    expect(await wire.redis.llen(keys.queue('other'))).toBe(1_000);
    expect(await wire.redis.zcard(keys.deferred('other'))).toBe(0);
    expect(await wire.redis.exists(keys.unfreed, keys.dependents('a'))).toBe(0);
    const released = (await wire.events('other')).filter(({ kind }) => kind === 'released');
    expect(released).toHaveLength(1_000);
  });

  it('frees no more when it was requeued meanwhile, and all when it ends again', async () => {
    await endOfMany(fail('no', false), {}, true);
    const first = await wire.redis.llen(keys.queue('other'));
    await requeue(wire.redis, ['a'], false, wire.settings);
    await freeMore(wire.redis, wire.settings);
    expect(await wire.redis.llen(keys.queue('other'))).toBe(first);
    expect(await wire.redis.exists(keys.unfreed)).toBe(0);
    await end('a');
    await freeMore(wire.redis, wire.settings);
    expect(await wire.redis.llen(keys.queue('other'))).toBe(1_000);
  });

  it('forgets what nobody can read', async () => {
    await wire.redis.hset(keys.unfreed, 'a', 'nonsense', 'b', 'finished 0', 'c', 'exploded 0');
    await wire.redis.set(keys.dependents('b'), 'x');
    await freeMore(wire.redis, wire.settings);
    expect(await wire.redis.hkeys(keys.unfreed)).toEqual([]);
  });
});

describe('cancel', () => {
  it('leaves what waits for it, and frees it when that is asked for', async () => {
    await wire.enqueue(
      'a',
      waiting('b', ['a']),
      'c',
      waiting('d', ['c']),
      waiting('e', ['c', 'a']),
    );
    await cancel(wire.redis, 'default', 'a', wire.settings);
    expect(await wire.hash('b')).toMatchObject({ status: 'deferred', x_unmet: 'a' });
    await cancel(wire.redis, 'default', 'c', wire.settings, { enqueueDependents: true });
    expect([await wire.status('d'), await wire.status('e')]).toEqual(['queued', 'deferred']);
    expect(await wire.ids()).toEqual(['d']);
    expect((await wire.events()).find(({ kind }) => kind === 'released')).toMatchObject({
      jobId: 'd',
      by: 'c',
    });
  });

  it('of a job that waits takes it away from its parents', async () => {
    await wire.enqueue('a', waiting('b', ['a']), waiting('c', ['b']));
    await cancel(wire.redis, 'default', 'b', wire.settings);
    expect(await wire.redis.exists(keys.dependents('a'), keys.deferred('default'))).toBe(1);
    // Should somebody let it expire, nothing would take away the set of its parents.
    expect(await wire.redis.ttl(keys.dependencies('b'))).toBeGreaterThan(86_000);
    await end('a');
    expect([await wire.status('b'), await wire.status('c')]).toEqual(['canceled', 'deferred']);
  });

  it('counts once: a running parent whose outcome is refused frees nobody', async () => {
    await wire.enqueue('a', waiting('b', ['a']));
    const worker = wire.worker();
    const a = await worker.claimOne();
    await cancel(wire.redis, 'default', 'a', wire.settings);
    expect(await worker.settle(a, finish())).toBe('canceled');
    expect(await wire.status('b')).toBe('deferred');
  });
});

describe('jobs that wait for nothing any more', () => {
  /** A look, and what a second one makes of it. */
  const sweep = async (): Promise<number> => {
    const { cursor, ids } = await findStuck(wire.redis, 'default', '0');
    expect(cursor).toBe('0');
    return ids.length === 0 ? 0 : freeStuck(wire.redis, 'default', ids, wire.settings);
  };

  it('are freed when Python was killed before it could', async () => {
    await wire.enqueue(
      'a',
      'b',
      waiting('c', ['a', 'b'], { allowsFailure: true, atFront: true }),
      waiting('d', ['b']),
    );
    // As its failure path leaves it: the status is written, the release is not.
    await wire.redis.hset(keys.job('a'), 'status', 'failed');
    await wire.redis.hset(keys.job('b'), 'status', 'finished');
    await wire.redis.del(keys.queue('default'));
    expect(await sweep()).toBe(2);
    expect([...(await wire.ids())].sort()).toEqual(['c', 'd']);
    expect(await wire.story('c')).toBe('deferred released');
    expect((await wire.events()).at(-1)).toMatchObject({ by: '' });
    expect(await sweep()).toBe(0);
  });

  it('are freed when their parents are gone, but not when those are known to have failed', async () => {
    const parents = ['gone', 'failed', 'canceled', 'failed-in-python', 'unkept'];
    await wire.enqueue(...parents.slice(0, 4), newJob('unkept', { fields: ['failure_ttl', 0] }));
    await wire.enqueue(...parents.map((id) => waiting(`after-${id}`, [id])));
    await cancel(wire.redis, 'default', 'canceled', wire.settings);
    await wire.redis.hset(keys.job('failed-in-python'), 'status', 'failed');
    await wire.redis.lrem(keys.queue('default'), 0, 'failed-in-python');
    await deleteJob(wire.redis, 'default', 'gone', wire.settings);
    for (const id of ['failed', 'unkept']) await end(id, fail('no', false));
    // A look while Python's failed job is there; then all of them expire.
    expect(await sweep()).toBe(1);
    await wire.redis.del(...parents.map(keys.job));
    expect(await sweep()).toBe(0);
    expect(await wire.ids()).toEqual(['after-gone']);
    for (const id of parents.slice(1))
      expect(await wire.hash(`after-${id}`)).toMatchObject({ status: 'deferred', x_unmet: id });
  });

  it('are looked at again before they are freed', async () => {
    await wire.enqueue('a', waiting('b', ['a']));
    await wire.redis.hset(keys.job('a'), 'status', 'finished');
    const { ids } = await findStuck(wire.redis, 'default', '0');
    expect(ids.map(String)).toEqual(['b']);
    await wire.redis.hset(keys.job('a'), 'status', 'queued');
    expect(await freeStuck(wire.redis, 'default', ids, wire.settings)).toBe(0);
    expect(await wire.status('b')).toBe('deferred');
  });

  it('leave alone what waits, what they know nothing of, and what has a wrong type; drop what does not wait', async () => {
    await wire.enqueue('a', waiting('waits', ['a']));
    await wire.enqueue('queued');
    await wire.redis.hset(
      keys.job('knows-nothing'),
      'status',
      'deferred',
      'origin',
      'default',
      'data',
      'x',
    );
    await wire.redis.hset(keys.job('no-status'), 'origin', 'default');
    await wire.redis.set(keys.job('no-hash'), 'x');
    await wire.redis.hset(
      keys.job('bad-queue'),
      'status',
      'deferred',
      'origin',
      'bad',
      'dependency_ids',
      '["gone"]',
    );
    await wire.redis.set(keys.queue('bad'), 'x');
    for (const id of ['queued', 'ghost', 'knows-nothing', 'no-status', 'no-hash', 'bad-queue'])
      await wire.redis.zadd(keys.deferred('default'), '+inf', id);
    expect(await sweep()).toBe(0);
    expect((await wire.redis.zrange(keys.deferred('default'), '0', '-1')).sort()).toEqual([
      'bad-queue',
      'knows-nothing',
      'no-hash',
      'no-status',
      'waits',
    ]);
  });

  it('are all found in a registry of thousands, a part at a time', async () => {
    await wire.enqueue('a');
    for (let n = 0; n < 8; n++)
      await wire.enqueue(
        ...Array.from({ length: 250 }, (_, m) =>
          waiting(`c${n}-${m}`, [m === 7 ? 'gone-with-a' : 'a', 'a']),
        ),
      );
    await wire.redis.sadd(keys.dependencies('lost'), 'gone');
    await wire.redis.hset(keys.job('lost'), 'status', 'deferred', 'origin', 'default', 'data', 'x');
    await wire.redis.zadd(keys.deferred('default'), '+inf', 'lost');
    let cursor = '0';
    const found: string[] = [];
    let calls = 0;
    do {
      const page = await findStuck(wire.redis, 'default', cursor);
      cursor = page.cursor;
      found.push(...page.ids.map(String));
      calls += 1;
    } while (cursor !== '0');
    expect(found).toEqual(['lost']);
    expect(calls).toBeGreaterThan(5);
  });
});

describe('what others leave', () => {
  it('37: a child that a killed worker of RQ 3 left in `rq:ready` is queued once', async () => {
    const { redis, settings } = wire;
    await wire.enqueue('x', waiting('a', ['gone', 'x']), waiting('b', ['x'], { atFront: true }));
    for (const id of ['a', 'b']) {
      await redis.zrem(keys.deferred('default'), id);
      await redis.hset(keys.job(id), 'status', 'ready_to_enqueue');
      await redis.zadd(keys.ready('default'), 1, id);
    }
    await redis.zadd(keys.ready('default'), 1, 'ghost', 2, 'x');
    const drained = await Promise.all([1, 2].map(() => drainReady(redis, 'default', settings)));
    expect(drained.sort()).toEqual([0, 2]);
    expect(await wire.ids()).toEqual(['b', 'x', 'a']);
    expect(await redis.exists(keys.ready('default'), keys.dependents('x'))).toBe(0);
    expect(await wire.story('a')).toBe('deferred released');
  });

  it('37: one of those whose status nobody knows is put aside', async () => {
    await wire.enqueue('x', waiting('odd', ['x']), waiting('bare', ['x']));
    for (const id of ['odd', 'bare']) await wire.redis.zrem(keys.deferred('default'), id);
    await wire.redis.hset(keys.job('odd'), 'status', 'exploded');
    await wire.redis.hdel(keys.job('bare'), 'status');
    await wire.redis.zadd(keys.ready('default'), 1, 'odd', 2, 'bare');
    expect(await drainReady(wire.redis, 'default', wire.settings)).toBe(2);
    const claimed = await wire.worker().claim(5);
    expect(claimed.map(({ jobId }) => jobId)).toEqual(['x', 'bare']);
    expect(await wire.redis.exists(keys.ready('default'))).toBe(0);
    expect(await wire.redis.lrange(keys.failedQueue, 0, -1)).toEqual(['odd']);
  });

  it('53: an execution of a job that ended leaves `rq:wip` before Python’s cleaners fail the job by it', async () => {
    await wire.enqueue('done', 'runs', 'saved', 'waits');
    const worker = wire.worker();
    const [done, runs] = await worker.claim(2);
    if (!done || !runs) throw new Error('nothing was claimed');
    await worker.settle(done, finish());
    // By RQ's `save()`: it has not ended, and whoever recovers it knows it by its lease.
    await wire.redis.hset(keys.job('saved'), 'status', 'failed');
    const now = await wire.nowSeconds();
    const wip = keys.wip('default');
    await wire.redis.zadd(
      wip,
      now + 20,
      'done:leaked',
      now + 80,
      'done:young',
      now + 20,
      'waits:odd',
      now + 20,
      'ghost:odd',
      now + 20,
      'saved:odd',
    );
    await wire.redis.zadd(wip, now + 5, `runs:${runs.execution}`);
    expect(await dropLeaks(wire.redis, 'default')).toBe(1);
    expect((await wire.redis.zrange(wip, '0', '-1')).sort()).toEqual([
      'done:young',
      'ghost:odd',
      `runs:${runs.execution}`,
      'saved:odd',
      'waits:odd',
    ]);
  });
});

describe('a broken dependent never hurts its parent', () => {
  // What it comes to in the end: `stays` where nobody can tell, and the audit does.
  const breaks: Array<
    [string, (id: string) => Promise<unknown>, 'gone' | 'stays' | 'runs' | RegExp]
  > = [
    ['has no hash', (id) => wire.redis.del(keys.job(id)), 'gone'],
    [
      'is no hash',
      async (id) => {
        await wire.redis.del(keys.job(id));
        await wire.redis.set(keys.job(id), 'x');
      },
      'stays',
    ],
    [
      'has a status that nobody knows',
      (id) => wire.redis.hset(keys.job(id), 'status', 'exploded'),
      /^unknown status exploded$/,
    ],
    [
      'has an empty status',
      (id) => wire.redis.hset(keys.job(id), 'status', ''),
      /^unknown status $/,
    ],
    ['has no status', (id) => wire.redis.hdel(keys.job(id), 'status'), 'runs'],
    ['has no origin', (id) => wire.redis.hdel(keys.job(id), 'origin'), 'runs'],
    ['has an empty origin', (id) => wire.redis.hset(keys.job(id), 'origin', ''), 'runs'],
    [
      'belongs to the FailedQueue',
      (id) => wire.redis.hset(keys.job(id), 'origin', 'failed'),
      'runs',
    ],
    [
      'has a set of a wrong type',
      (id) => wire.redis.multi().del(keys.dependencies(id)).set(keys.dependencies(id), 'x').exec(),
      'runs',
    ],
    [
      'has ids that are none',
      (id) =>
        wire.redis
          .multi()
          .del(keys.dependencies(id))
          .hset(keys.job(id), 'dependency_ids', '[1, {}, "a"')
          .exec(),
      'runs',
    ],
    [
      'has no known dependencies',
      (id) =>
        wire.redis.multi().del(keys.dependencies(id)).hdel(keys.job(id), 'dependency_ids').exec(),
      'runs',
    ],
    ['has an odd ttl', (id) => wire.redis.hset(keys.job(id), 'ttl', '1e99'), 'runs'],
    [
      'has a queue of a wrong type',
      (id) => wire.redis.hset(keys.job(id), 'origin', 'bad'),
      'stays',
    ],
    [
      'waits for something that is no job',
      (id) => wire.redis.sadd(keys.dependencies(id), 'no-job'),
      'runs',
    ],
  ];

  it.each(breaks)('47: one that %s', async (_, spoil, fate) => {
    await wire.redis.set(keys.queue('bad'), 'x');
    await wire.redis.set(keys.job('no-job'), 'x');
    await wire.enqueue('a');
    await wire.enqueueOn('other', waiting('bad', ['a']), waiting('good', ['a']));
    await spoil('bad');
    await wire.redis.sadd(
      keys.dependents('a'),
      'no:id',
      'bad'.repeat(100),
      Buffer.from([255, 0, 10]),
    );
    const worker = wire.worker();
    const a = await worker.claimOne();
    expect(await worker.settle(a, finish())).toBe('finished');
    expect(await wire.status('a')).toBe('finished');
    expect(await wire.redis.zcard(keys.wip('default'))).toBe(0);
    expect(await wire.ids('other')).toContain('good');
    expect(await wire.redis.exists(keys.dependents('a'))).toBe(0);
    expect(await wire.story('a')).toBe('enqueued started finished');
    // Nor its janitor.
    const { ids } = await findStuck(wire.redis, 'other', '0');
    await freeStuck(wire.redis, 'other', ids, wire.settings);
    const claimed = await wire.worker('other').claim(5);
    expect(claimed.map(({ jobId }) => jobId).sort()).toEqual(
      fate === 'runs' ? ['bad', 'good'] : ['good'],
    );
    expect(await wire.redis.zrange(keys.deferred('other'), '0', '-1')).toEqual(
      fate === 'stays' ? ['bad'] : [],
    );
    const reasons = (await wire.events('other')).flatMap((event) =>
      event.jobId === 'bad' && 'reason' in event ? [event.reason] : [],
    );
    expect(reasons).toEqual(fate instanceof RegExp ? [expect.stringMatching(fate)] : []);
    expect(await wire.redis.lrange(keys.failedQueue, 0, -1)).toEqual(
      fate instanceof RegExp ? ['bad'] : [],
    );
  });

  it.each(['queued', 'scheduled', 'started', 'created'])(
    'waits on, and is freed, when RQ’s `save()` wrote back that it is %s',
    async (status) => {
      await wire.enqueue('a', waiting('b', ['a']));
      await wire.redis.hset(keys.job('b'), 'status', status);
      const { ids } = await findStuck(wire.redis, 'default', '0');
      await freeStuck(wire.redis, 'default', ids, wire.settings);
      expect(await wire.redis.zrange(keys.deferred('default'), '0', '-1')).toEqual(['b']);
      await end('a');
      expect(await wire.ids()).toEqual(['b']);
      await end('b');
    },
  );

  it('47: nor do keys of a wrong type where the parent keeps its own', async () => {
    await wire.enqueue('a', 'b', waiting('c', ['b']));
    await wire.redis.set(keys.dependents('a'), 'x');
    await wire.redis.set(keys.unfreed, 'x');
    await end('a');
    await end('b');
    expect([await wire.status('a'), await wire.status('b'), await wire.status('c')]).toEqual([
      'finished',
      'finished',
      'queued',
    ]);
  });
});
