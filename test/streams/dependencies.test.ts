import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  DependencyCycleError,
  InvalidNameError,
  InvalidOptionError,
} from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { Rq } from '../../src/streams/rq.js';
import { defineTasks } from '../../src/tasks.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';

let server: FreshRedis;
let rq: Rq;

beforeAll(async () => {
  server = await freshRedis();
  rq = new Rq({ url: server.url });
});
beforeEach(() => server.client.flushdb());
afterAll(async () => {
  await rq.close();
  await server.close();
});

const ignored = { onFailure: 'quarantine' };

describe('dependsOn', () => {
  it('takes jobs, ids, lists, and what RQ calls a Dependency', async () => {
    const queue = rq.queue('q');
    const { double } = defineTasks('tasks', { double: (n: number) => n * 2 });
    const a = await queue.enqueue(double, 1);
    const b = await rq.queue('elsewhere').enqueue('b');
    const children = [
      await queue.enqueueWith({ dependsOn: a }, double, 2),
      await queue.enqueueWith({ dependsOn: a.id }, double, 3),
      await queue.enqueueWith({ dependsOn: [a, b.id, a.id] }, 'c'),
      await queue.enqueueWith({ dependsOn: { jobs: [a, b], allowFailure: true } }, 'c'),
      await queue.enqueueWith({ dependsOn: [{ jobs: a, enqueueAtFront: true }, b] }, 'c'),
      await queue.enqueueWith({ dependsOn: b, atFront: true }, 'c'),
    ];
    const records = await Promise.all(children.map((job) => job.fetch()));
    expect(records.map(({ status }) => status)).toEqual(Array(6).fill('deferred'));
    expect(records.map(({ dependencyIds }) => dependencyIds)).toEqual([
      [a.id],
      [a.id],
      [a.id, b.id],
      [a.id, b.id],
      [a.id, b.id],
      [b.id],
    ]);
    expect(records.map((record) => record.allowDependencyFailures)).toEqual([
      false,
      false,
      false,
      true,
      false,
      false,
    ]);
    expect(records.map(({ hash }) => String(hash.get('enqueue_at_front') ?? ''))).toEqual([
      '',
      '',
      '',
      '',
      '1',
      '1',
    ]);
    expect(await queue.counts()).toMatchObject({ queued: 1, deferred: 6 });
    expect(
      (await queue.enqueueWith({ dependsOn: [] }, 'd').then((job) => job.fetch())).status,
    ).toBe('queued');
  });

  it.each([
    [{ dependsOn: 7 as never }, InvalidOptionError],
    [{ dependsOn: [null as never] }, InvalidOptionError],
    [{ dependsOn: { jobs: [] } }, InvalidOptionError],
    [{ dependsOn: { jobs: 'a', ...ignored } as never }, InvalidOptionError],
    [{ dependsOn: Array.from({ length: 1001 }, (_, n) => `j${n}`) }, InvalidOptionError],
    [{ dependsOn: 'rq:job:a' }, InvalidNameError],
    [{ dependsOn: 'me', jobId: 'me' }, DependencyCycleError],
  ])('refuses %j before anything is written', async (options, error) => {
    await expect(rq.queue('q').enqueueWith(options, 'f')).rejects.toThrow(error);
    expect(await server.client.dbsize()).toBe(0);
  });

  it('refuses a cycle over several jobs, and names it', async () => {
    const queue = rq.queue('q');
    await queue.enqueueWith({ jobId: 'first' }, 'f');
    await queue.enqueueWith({ jobId: 'b', dependsOn: ['first', 'a'] }, 'f');
    const refused = queue.enqueueWith({ jobId: 'a', dependsOn: 'b' }, 'f');
    await expect(refused).rejects.toThrow('Job "a" would wait for itself: a → b → a');
    await expect(refused).rejects.toMatchObject({ cycle: ['a', 'b', 'a'] });
    expect(await server.client.exists(keys.job('a'))).toBe(0);
  });
});

describe('enqueueMany', () => {
  it('writes parents before those that wait for them, whatever their order', async () => {
    const chain = Array.from({ length: 600 }, (_, n) => ({
      name: 'f',
      options: { jobId: `j${n}`, ...(n > 0 && { dependsOn: `j${n - 1}` }) },
    }));
    const jobs = await rq.queue('q').enqueueMany([...chain].reverse());
    expect(jobs.map(({ id }) => id)).toEqual(chain.map(({ options }) => options.jobId).reverse());
    expect(await rq.queue('q').ids()).toEqual(['j0']);
    expect(await rq.queue('q').counts()).toMatchObject({ queued: 1, deferred: 599 });
  });

  it('refuses a cycle among its jobs before anything is written', async () => {
    const specs = [
      { name: 'f', options: { jobId: 'x' } },
      { name: 'f', options: { jobId: 'a', dependsOn: ['x', 'c'] } },
      { name: 'f', options: { jobId: 'b', dependsOn: 'a' } },
      { name: 'f', options: { jobId: 'c', dependsOn: ['b', 'x'] } },
    ];
    const refused = rq.queue('q').enqueueMany(specs);
    await expect(refused).rejects.toMatchObject({ cycle: ['a', 'c', 'b', 'a'] });
    expect(await server.client.dbsize()).toBe(0);
  });

  it('tells of a cycle with jobs that are there already', async () => {
    await rq.queue('q').enqueueWith({ jobId: 'x' }, 'f');
    await rq.queue('q').enqueueWith({ jobId: 'b', dependsOn: ['x', 'a'] }, 'f');
    const specs = [{ name: 'f', options: { jobId: 'a', dependsOn: 'b' } }, { name: 'f' }];
    await expect(rq.queue('q').enqueueMany(specs)).rejects.toThrow(DependencyCycleError);
    expect(await rq.queue('q').length()).toBe(2);
  });
});

describe('a job and what waits for it', () => {
  it('know each other', async () => {
    const parent = await rq.queue('p').enqueue('f');
    const child = await rq.queue('c').enqueueWith({ dependsOn: [parent, 'gone'] }, 'f');
    await server.client.sadd(keys.dependents(parent.id), 'never-there', 'no:id', parent.id);
    const seen = (jobs: Array<{ id: string; queue: string }>) =>
      jobs.map(({ id, queue }) => [id, queue]);
    expect(seen(await parent.dependents())).toEqual([[child.id, 'c']]);
    expect(seen(await child.dependencies())).toEqual([[parent.id, 'p']]);
    expect(await child.dependents()).toEqual([]);
    expect(await parent.dependencies()).toEqual([]);
  });

  it('are deleted together, the last first', async () => {
    const queue = rq.queue('q');
    const options = (jobId: string, ...dependsOn: string[]) => ({ jobId, dependsOn });
    for (const [jobId, ...parents] of [
      ['a'],
      ['b', 'a'],
      ['c', 'b', 'a'],
      ['d', 'c', 'x'],
      ['x'],
      ['e', 'x'],
    ])
      await queue.enqueueWith(options(jobId as string, ...parents), 'f');
    const events = queue.events('start');
    expect(await queue.job('a').delete({ deleteDependents: true })).toBe(true);
    const deleted: string[] = [];
    await new Promise<void>((resolve) => {
      events.subscribe((event) => {
        if (event.kind === 'deleted') deleted.push(event.jobId);
        if (event.kind === 'deleted' && event.jobId === 'a') resolve();
      });
    });
    expect(deleted.at(-1)).toBe('a');
    expect([...deleted].sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(await queue.counts()).toMatchObject({ queued: 1, deferred: 1 });
    expect(await server.client.smembers(keys.dependents('x'))).toEqual(['e']);
  });

  it('stay apart when only the parent is deleted, or canceled', async () => {
    const queue = rq.queue('q');
    const [a, b] = await queue.enqueueMany([{ name: 'f' }, { name: 'f' }]);
    if (!a || !b) throw new Error('nothing was enqueued');
    const child = await queue.enqueueWith({ dependsOn: [a, b] }, 'f');
    await a.delete();
    await b.cancel();
    expect((await child.fetch()).status).toBe('deferred');
    const other = await queue.enqueue('f');
    const freed = await queue.enqueueWith({ dependsOn: other }, 'f');
    await other.cancel({ enqueueDependents: true });
    expect((await freed.fetch()).status).toBe('queued');
    await child.cancel();
    expect(await server.client.exists(keys.dependents(b.id))).toBe(0);
  });

  it('tell their story to the end', async () => {
    const queue = rq.queue('q');
    const parent = await queue.enqueue('f');
    const child = await queue.enqueueWith({ dependsOn: parent }, 'f');
    const kinds: string[] = [];
    const told = new Promise<void>((resolve) => {
      child.events$.subscribe({ next: ({ kind }) => kinds.push(kind), complete: resolve });
    });
    await parent.cancel({ enqueueDependents: true });
    await child.cancel();
    await told;
    expect(kinds).toEqual(['deferred', 'released', 'canceled']);
  });
});
