import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { dependencyFields } from '../../src/redis/depends-on.js';
import { DependencyCycleError } from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { enqueue, type NewJob } from '../../src/redis/transitions/enqueue.js';
import { quarantine } from '../../src/redis/transitions/quarantine.js';
import { recover } from '../../src/redis/transitions/recover.js';
import { requeue } from '../../src/redis/transitions/requeue.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
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

  it('costs a job without dependents one look for the whole call', async () => {
    await wire.enqueue('a', 'b', 'c');
    const worker = wire.worker();
    const jobs = await worker.claim(3);
    await wire.redis.config('RESETSTAT');
    await worker.send(
      worker.request({ settlements: jobs.map((job) => settlement(job, finish())) }),
    );
    const stats = await wire.redis.info('commandstats');
    const calls = (command: string): string =>
      new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? '0';
    expect(calls('exists')).toBe('1');
    expect([calls('sscan'), calls('smembers'), calls('srem')]).toEqual(['0', '0', '0']);
  });
});
