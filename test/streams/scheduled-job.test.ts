import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { lastValueFrom, take, toArray } from 'rxjs';
import {
  DuplicateJobError,
  InvalidJobOperationError,
  InvalidOptionError,
  NoSuchJobError,
} from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { Rq } from '../../src/streams/rq.js';
import { defineTasks } from '../../src/tasks.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';

let server: FreshRedis;
let rq: Rq;

beforeAll(async () => {
  server = await freshRedis();
});
beforeEach(async () => {
  await server.client.flushdb();
  rq = new Rq({ url: server.url });
});
afterEach(() => rq.close());
afterAll(() => server.close());

const tasks = defineTasks('tasks', { add: (a: number, b: number) => a + b });
const future = new Date(Date.UTC(2040, 0, 1, 0, 0, 0, 250));

describe('a scheduled job', () => {
  it('is made by a date, by a pause, by options, alone or among many; tasks keep their types', async () => {
    const queue = rq.queue('q');
    const dated = await queue.enqueueAt(future, tasks.add, 2, 3);
    const paused = await queue.enqueueIn('10m', tasks.add, 2, 3);
    const [among] = await queue.enqueueMany([
      { name: tasks.add, args: [1, 2], options: { in: 90 } },
      { name: tasks.add, args: [3, 4] },
    ]);
    expect(await dated.dueAt()).toEqual(future);
    const ahead = async (job: typeof among) =>
      Math.round((Number(await job?.dueAt()) - Date.now()) / 1_000);
    expect(await ahead(paused)).toBeGreaterThan(590);
    expect(await ahead(paused)).toBeLessThanOrEqual(600);
    expect(await ahead(among)).toBeGreaterThan(80);
    expect(await queue.counts()).toMatchObject({ queued: 1, scheduled: 3 });
    const { status, call, enqueuedAt } = await dated.fetch();
    expect([status, enqueuedAt, call?.functionName]).toEqual(['scheduled', null, 'tasks.add']);
    // @ts-expect-error the arguments are those of the task
    await queue.enqueueIn(60, tasks.add, 'two', 3);
  });

  it('is refused with what is no date and no pause, before anything is written', async () => {
    const queue = rq.queue('q');
    const given = [
      queue.enqueueAt(undefined as unknown as Date, 'f'),
      queue.enqueueAt(new Date('never'), 'f'),
      queue.enqueueIn(-1, 'f'),
      queue.enqueueIn('later' as never, 'f'),
    ];
    for (const promise of given) await expect(promise).rejects.toThrow(InvalidOptionError);
    expect(await server.client.keys('*')).toEqual([]);
  });

  it('is one of its kind while it exists', async () => {
    const queue = rq.queue('q');
    const options = { jobId: 'daily', unique: true } as const;
    await queue.enqueueWith({ ...options, in: '1h' }, 'f');
    await expect(queue.enqueueWith(options, 'f')).rejects.toThrow(DuplicateJobError);
    const kept = await queue.enqueueWith({ ...options, in: '2h', onDuplicate: 'keep' }, 'f');
    expect(Number(await kept.dueAt())).toBeLessThan(Date.now() + 3_700_000);
    await kept.delete();
    await queue.enqueueWith(options, 'f');
    expect(await queue.ids()).toEqual(['daily']);
  });

  it('comes to its queue at once when it is promoted, to the front when it wants', async () => {
    const queue = rq.queue('q');
    await queue.enqueue('waiting');
    const job = await queue.enqueueWith({ in: '1h', atFront: true, ttl: 300 }, 'f');
    await job.promote();
    expect((await queue.ids())[0]).toBe(job.id);
    expect(await job.dueAt()).toBeNull();
    expect(await server.client.ttl(keys.job(job.id))).toBeGreaterThan(290);
    const refused = job.promote();
    await expect(refused).rejects.toThrow(InvalidJobOperationError);
    await expect(refused).rejects.toThrow('it is queued');
    await expect(queue.job('none').promote()).rejects.toThrow(NoSuchJobError);
  });

  it('is promoted by one of many who try, and moved once', async () => {
    const queue = rq.queue('q');
    const job = await queue.enqueueIn('1h', 'f');
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => job.promote()));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await queue.ids()).toEqual([job.id]);
  });

  it('is given another time', async () => {
    const queue = rq.queue('q');
    const job = await queue.enqueueIn('1h', 'f');
    await job.reschedule(future);
    expect(await job.dueAt()).toEqual(future);
    await job.reschedule(new Date(0));
    expect(Number(await job.dueAt())).toBeGreaterThan(Date.now() - 60_000);
    await expect(job.reschedule(new Date('x'))).rejects.toThrow(InvalidOptionError);
    await job.promote();
    await expect(job.reschedule(future)).rejects.toThrow('it is queued');
    await expect(queue.job('none').reschedule(future)).rejects.toThrow(NoSuchJobError);
    const story = await lastValueFrom(queue.events('start').pipe(take(4), toArray()));
    expect(story.map(({ kind }) => kind)).toEqual([
      'scheduled',
      'scheduled',
      'scheduled',
      'enqueued',
    ]);
    expect(story[1]).toMatchObject({ jobId: job.id, dueAt: future.getTime() });
  });

  it('cannot be promoted out of a registry that it is not in', async () => {
    const job = await rq.queue('q').enqueueIn('1h', 'f');
    await server.client.del(keys.scheduled('q'));
    await expect(job.promote()).rejects.toThrow('it is not in the registry');
  });

  it('is quarantined when its hash turns out to be unreadable', async () => {
    const job = await rq.queue('q').enqueueIn('1h', 'f');
    await server.client.hdel(keys.job(job.id), 'data');
    await expect(job.promote()).rejects.toThrow('quarantined');
    expect(await rq.queue('q').counts()).toMatchObject({ scheduled: 0, queued: 0, failed: 1 });
  });

  it('is canceled and deleted like any that waits', async () => {
    const queue = rq.queue('q');
    const [a, b] = [await queue.enqueueIn('1h', 'f'), await queue.enqueueIn('1h', 'f')];
    await a.cancel();
    await b.delete();
    expect(await queue.counts()).toMatchObject({ scheduled: 0, canceled: 1 });
  });
});
