import { describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { firstValueFrom, take } from 'rxjs';
import {
  InvalidJobOperationError,
  InvalidOptionError,
  NoSuchJobError,
} from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import type { Delivery } from '../../src/streams/delivery.js';
import type { Rq } from '../../src/streams/rq.js';
import { freshRq } from '../support/fresh-rq.js';

let redis: Redis;
let rq: Rq;
freshRq((fresh) => {
  redis = fresh.client;
  rq = fresh.rq;
});

const queue = () => rq.queue('q');
const claimed = (): Promise<Delivery> => firstValueFrom(queue().deliveries$().pipe(take(1)));
const put = (...ids: string[]) =>
  queue().enqueueMany(ids.map((jobId) => ({ name: 'f', options: { jobId } })));

describe('registries', () => {
  it('page through what is in a state, by score, and look without cleaning', async () => {
    const { failed, started, finished, scheduled, ready } = queue().registries;
    await redis.zadd(keys.finished('q'), 100, 'a', 200, 'b', 'inf', 'c');
    await redis.zadd(keys.failed('q'), -1, 'kept');
    await redis.zadd(keys.scheduled('q'), 1_795_405_104, 'later');
    await redis.zadd(keys.wip('q'), 100, 'bare', 200, 'x:11111111111111111111111111111111');
    await redis.zadd(keys.ready('q'), 5, 'r');
    expect(await finished.ids({ offset: 1, count: 1 })).toEqual(['b']);
    expect(await finished.ids({ count: 2, desc: true })).toEqual(['c', 'b']);
    expect(await finished.entries()).toMatchObject([
      { jobId: 'a', score: 100, at: new Date(100_000) },
      { jobId: 'b' },
      { jobId: 'c', score: Number.POSITIVE_INFINITY, at: null },
    ]);
    expect(await finished.count()).toBe(3);
    expect(await failed.entry('kept')).toMatchObject({ score: -1, at: null });
    expect((await scheduled.entry('later'))?.at).toEqual(new Date('2026-11-23T03:38:24.000Z'));
    expect(await started.entries()).toMatchObject([
      { jobId: 'bare', execution: '' },
      { jobId: 'x', execution: '1'.repeat(32) },
    ]);
    expect(await started.contains('x')).toBe(true);
    expect(await started.contains('y')).toBe(false);
    expect(await ready.ids()).toEqual(['r']);
    expect(await finished.jobs()).toEqual([]);
    expect(await finished.count()).toBe(3);
    await expect(finished.ids({ offset: -1 })).rejects.toThrow(InvalidOptionError);
  });

  it('give up a leftover, but never the place of a job that belongs there', async () => {
    await put('a');
    const delivery = await claimed();
    const { started, finished } = queue().registries;
    await expect(started.remove('a')).rejects.toThrow(
      'Cannot take out of the started registry job "a": it is started',
    );
    await redis.zadd(keys.wip('q'), 1, 'gone:11111111111111111111111111111111');
    expect(await started.remove('gone')).toBe(true);
    expect(await started.remove('gone')).toBe(false);
    await delivery.finish(1);
    await expect(finished.remove('a')).rejects.toThrow(InvalidJobOperationError);
    await redis.zadd(keys.failed('q'), 1, 'a');
    // It is a leftover in the failed registry, and deleteJob there must not delete what finished.
    expect(await queue().registries.failed.remove('a', { deleteJob: true })).toBe(true);
    expect(await redis.exists(keys.job('a'))).toBe(1);
    expect(await finished.remove('a', { deleteJob: true })).toBe(true);
    expect(await redis.exists(keys.job('a'))).toBe(0);
    expect(await finished.count()).toBe(0);
  });

  it('keep the lease of a job that is held, although it says queued', async () => {
    const execution = 'f'.repeat(32);
    await put('a');
    await redis.lrem(keys.queue('q'), 0, 'a');
    await redis.hset(keys.job('a'), 'x_exec', execution);
    await redis.zadd(keys.wip('q'), 9e9, `a:${execution}`);
    await expect(queue().registries.started.remove('a')).rejects.toThrow(/it is queued/);
    expect(await queue().remove('a', { deleteJob: true })).toBe(false);
    expect(await redis.exists(keys.job('a'))).toBe(1);
  });

  it('requeue what failed', async () => {
    await put('a');
    await (await claimed()).fail(new Error('no'));
    await queue().registries.failed.requeue('a');
    expect(await queue().ids()).toEqual(['a']);
    await expect(queue().registries.failed.requeue('a')).rejects.toThrow(InvalidJobOperationError);
  });

  it('requeue what is canceled, deferred or finished as well', async () => {
    const { canceled, deferred, finished } = queue().registries;
    await put('a', 'b');
    await queue().job('a').cancel();
    await canceled.requeue('a', { atFront: true });
    expect(await queue().ids()).toEqual(['a', 'b']);
    await expect(canceled.requeue('a')).rejects.toThrow('Cannot requeue job "a": it is queued');
    const after = await queue().enqueueWith({ jobId: 'c', dependsOn: 'b' }, 'f');
    await deferred.requeue('c');
    expect(await queue().ids()).toEqual(['a', 'b', 'c']);
    expect(await queue().job('b').dependents()).toEqual([]);
    await (await claimed()).finish(1);
    expect(await finished.ids()).toEqual(['a']);
    await finished.requeue('a');
    expect(await after.position()).toBe(1);
    expect(await queue().ids()).toEqual(['b', 'c', 'a']);
    await expect(finished.requeue('none')).rejects.toThrow(NoSuchJobError);
    await put('d');
    await queue().job('d').cancel();
    await expect(rq.queue('other').registries.canceled.requeue('d')).rejects.toThrow(
      'it is of another queue',
    );
  });
});

describe('the scheduled registry', () => {
  const at = (year: number) => new Date(Date.UTC(year, 0, 1));
  const schedule = (...years: number[]) =>
    queue().enqueueMany(
      years.map((year) => ({ name: 'f', options: { jobId: `j${year}`, at: at(year) } })),
    );

  it('lists jobs with the times at which they are due, the next one first', async () => {
    await schedule(2042, 2041, 2043);
    const { scheduled } = queue().registries;
    expect((await scheduled.entries()).map(({ jobId, at }) => [jobId, at])).toEqual([
      ['j2041', at(2041)],
      ['j2042', at(2042)],
      ['j2043', at(2043)],
    ]);
    expect(await scheduled.dueAt('j2042')).toEqual(at(2042));
    expect(await scheduled.dueAt('none')).toBeNull();
    const ids = async (...args: Parameters<typeof scheduled.due>) =>
      (await scheduled.due(...args)).map(({ jobId }) => jobId);
    expect(await ids({ until: at(2042) })).toEqual(['j2041', 'j2042']);
    expect(await ids({ until: at(2050), offset: 1, count: 1 })).toEqual(['j2042']);
    expect(await ids()).toEqual([]);
    await expect(ids({ until: new Date(Number.NaN) })).rejects.toThrow(InvalidOptionError);
    await expect(ids({ offset: -1 })).rejects.toThrow(InvalidOptionError);
  });

  it('knows by the clock of Redis what is due now, and keeps milliseconds', async () => {
    await schedule(2041);
    await redis.zadd(keys.scheduled('q'), 1_795_405_104.139, 'j2041');
    const [due] = await queue().registries.scheduled.due();
    expect(due).toMatchObject({ jobId: 'j2041', at: new Date('2026-11-23T03:38:24.139Z') });
    expect(await queue().job('j2041').dueAt()).toEqual(due?.at);
  });

  it('gives a job another time', async () => {
    await schedule(2041);
    const { scheduled } = queue().registries;
    await scheduled.schedule('j2041', at(2044));
    expect(await scheduled.dueAt('j2041')).toEqual(at(2044));
    await put('waiting');
    await expect(scheduled.schedule('waiting', at(2044))).rejects.toThrow(InvalidJobOperationError);
    await expect(scheduled.schedule('none', at(2044))).rejects.toThrow(NoSuchJobError);
  });

  it('gives a job up to its queue before its time', async () => {
    await schedule(2041);
    const { scheduled } = queue().registries;
    await scheduled.requeue('j2041');
    expect(await queue().ids()).toEqual(['j2041']);
    await expect(scheduled.requeue('j2041')).rejects.toThrow(InvalidJobOperationError);
    await expect(scheduled.requeue('none')).rejects.toThrow(NoSuchJobError);
  });
});

describe('a queue', () => {
  it('knows the place of a job, and gives a waiting one up', async () => {
    const [a, b] = await put('a', 'b', 'c');
    expect(await queue().position('c')).toBe(2);
    expect(await b?.position()).toBe(1);
    expect(await queue().position('none')).toBeNull();
    expect(await queue().remove(a as never)).toBe(true);
    expect((await rq.fetch('a')).record.status).toBe('canceled');
    expect(await queue().registries.canceled.contains('a')).toBe(true);
    expect(await queue().remove('a')).toBe(false);
    expect(await queue().remove('b', { deleteJob: true })).toBe(true);
    expect(await redis.exists(keys.job('b'))).toBe(0);
    expect(await queue().ids()).toEqual(['c']);
  });

  it('does not take a running job for a waiting one', async () => {
    await put('a');
    const delivery = await claimed();
    expect(await queue().remove('a')).toBe(false);
    expect(await queue().remove('a', { deleteJob: true })).toBe(false);
    expect((await rq.fetch('a')).record.status).toBe('started');
    expect(await delivery.finish()).toBe('finished');
  });

  it('is compacted: ids without a job go, the others keep their order', async () => {
    const ids = Array.from({ length: 1_203 }, (_, n) => `j${n}`);
    await put(...ids);
    const gone = ids.filter((_, n) => n % 3 === 0);
    await redis.del(...gone.map(keys.job));
    expect(await queue().compact()).toBe(gone.length);
    expect(await queue().ids(0, 2_000)).toEqual(ids.filter((_, n) => n % 3 !== 0));
    expect(await queue().compact()).toBe(0);
  });

  it('is deleted with its waiting jobs, and comes back with the next', async () => {
    await put('a', 'b');
    expect((await rq.queues()).map(({ name }) => name)).toEqual(['q']);
    expect(await queue().delete()).toBe(2);
    expect(await rq.queues()).toEqual([]);
    expect(await redis.exists(keys.queue('q'), keys.job('a'))).toBe(0);
    await put('c');
    expect((await rq.queues())[0]).toBe(queue());
  });

  it('is not to be had of the FailedQueue', () => {
    expect(() => rq.failedQueue.registries).toThrow(InvalidJobOperationError);
    for (const method of ['position', 'remove', 'compact', 'delete'] as const)
      expect(() => rq.failedQueue[method]()).toThrow(InvalidJobOperationError);
  });
});
