import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Verdict } from '../../src/index.js';
import { describeWithPython } from '../support/python.js';
import { until } from '../support/until.js';
import { TwoSides } from './two-sides.js';

describeWithPython('Python cancels and deletes what Node has', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  let verdicts: Map<string, Verdict>;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  /** Hears of a cancel within a quarter of a second: a heartbeat comes four times in a lease. */
  const boot = (queue: string) => {
    verdicts = new Map();
    return sides.boot({
      queues: [queue],
      isolation: 'inline',
      concurrency: 1,
      wire: { narrowLeaseMs: 1_000 },
      on: { onSettled: ({ job, verdict }) => verdicts.set(job.jobId, verdict) },
    });
  };
  const enqueueHanging = async (queue: string) => {
    const id = await sides.python.run<string>(
      "return queue(name).enqueue('nodejobs.hang', 15_000).id",
      { name: queue },
    );
    const job = sides.rq.queue(queue).job(id);
    await until('it runs', async () => (await job.fetch()).status === 'started');
    return job;
  };
  const settled = (id: string) => until(`${id} is settled`, () => verdicts.get(id));
  const keysOf = (id: string) => sides.redis.keys(`*${id}*`);
  const counts = (name: string) => sides.python.run('return counts(name)', { name });
  const none = { queued: 0, started: 0, finished: 0, failed: 0, canceled: 0 };

  it('32: a canceled job is never started, not even when its id comes back to the list', async () => {
    const { python, redis, rq } = sides;
    const ids = await python.run<string[]>(`
q = queue('canceled')
jobs = [q.enqueue('nodejobs.add', 1), q.enqueue('nodejobs.add', 2)]
for job in jobs:
    job.cancel()
return [job.id for job in jobs]`);
    expect(await redis.llen('rq:queue:canceled')).toBe(0);
    // What a worker that popped it before the cancel would hold in its hand.
    await redis.rpush('rq:queue:canceled', ids[0] as string);
    await sides.burst('canceled', { isolation: 'inline' });
    expect(
      await rq
        .queue('canceled')
        .job(ids[0] as string)
        .fetch(),
    ).toMatchObject({
      status: 'canceled',
      attempt: 0,
    });
    expect(await counts('canceled')).toEqual({ ...none, canceled: 2 });
  });

  it('cancels a running job: its handler is aborted, and it stays canceled', async () => {
    await boot('running');
    const job = await enqueueHanging('running');
    await until('a heartbeat', async () => (await job.fetch()).lastHeartbeat);
    await sides.python.run('fetch(id).cancel()', { id: job.id });
    // 2.x has taken the member out of `rq:wip`; 1.x looks for a bare id there, and leaves it to us.
    expect(await settled(job.id)).toBe('canceled');
    expect((await job.fetch()).status).toBe('canceled');
    expect(await counts('running')).toEqual({ ...none, canceled: 1 });
    expect(await sides.redis.zcard('rq:wip:running')).toBe(0);
    await expect(job.result({ timeoutMs: 1_000 })).rejects.toThrow(/canceled/);
  });

  it('cancels a running job, and Node requeues it before its worker knows: only the new run counts', async () => {
    const seen: Verdict[] = [];
    await sides.boot({
      queues: ['again'],
      isolation: 'inline',
      concurrency: 1,
      // A heartbeat would come after a minute.
      wire: { narrowLeaseMs: 240_000, wideLeaseSeconds: 240 },
      on: { onSettled: ({ verdict }) => seen.push(verdict) },
    });
    const job = await enqueueHanging('again');
    await sides.python.run('fetch(id).cancel()', { id: job.id });
    await sides.rq.queue('again').registries.canceled.requeue(job.id);
    await until('the old run is refused', () => seen[0]);
    await until('the new one runs', async () => {
      const { status, attempt } = await job.fetch();
      return status === 'started' && attempt === 2;
    });
    await job.stop();
    await until('it is settled', () => seen.length === 2);
    expect(seen).toEqual(['lost', 'stopped']);
    expect(await counts('again')).toEqual({ ...none, failed: 1 });
    expect(await sides.redis.zcard('rq:wip:again')).toBe(0);
    await job.delete();
  });

  it('33: deletes a running job: its handler is aborted, and nothing of it comes back', async () => {
    await boot('deleted');
    const job = await enqueueHanging('deleted');
    await until('a heartbeat', async () => (await job.fetch()).lastHeartbeat);
    await sides.python.run('fetch(id).delete()', { id: job.id });
    expect(await settled(job.id)).toBe('gone');
    expect(await counts('deleted')).toEqual(none);
    expect(await sides.redis.zcard('rq:wip:deleted')).toBe(0);
    const left = (await keysOf(job.id)).filter((key) => !key.startsWith('rxrq:'));
    // 1.x knows no executions: theirs are left to their time to live, a minute and a half.
    expect(left.filter((key) => !key.startsWith('rq:execution'))).toEqual([]);
    if (version === '2.12') expect(left).toEqual([]);
    for (const key of left) expect(await sides.redis.ttl(key)).toBeLessThanOrEqual(150);
    await expect(job.result({ timeoutMs: 1_000 })).rejects.toThrow(/not in Redis any more/);
  });

  it('33: deletes a job that ends before anybody can tell it', async () => {
    const { python, redis, rq } = sides;
    verdicts = new Map();
    await sides.boot({
      queues: ['quick'],
      isolation: 'inline',
      on: { onSettled: ({ job, verdict }) => verdicts.set(job.jobId, verdict) },
    });
    const job = await rq.queue('quick').enqueue('nodejobs.hang', 300);
    await until('it runs', async () => (await job.fetch()).status === 'started');
    await python.run('fetch(id).delete()', { id: job.id });
    expect(await settled(job.id)).toBe('gone');
    expect((await keysOf(job.id)).filter((key) => !key.startsWith('rxrq:'))).toEqual([]);
    expect(await redis.zcard('rq:wip:quick')).toBe(0);
    expect(await counts('quick')).toEqual(none);
  });

  it('42: empties a queue: what waits is gone, what runs runs on', async () => {
    await boot('emptied');
    const { python, rq } = sides;
    const running = await rq
      .queue('emptied')
      .enqueueWith({ results: 'stream' }, 'nodejobs.hang', 600);
    await until('it runs', async () => (await running.fetch()).status === 'started');
    const ids = await python.run<string[]>(`
q = queue('emptied')
ids = [q.enqueue('nodejobs.add', i).id for i in range(5)]
q.empty()
return ids`);
    expect(await running.result({ timeoutMs: 5_000 })).toBe('hung on');
    expect((await Promise.all(ids.map(keysOf))).flat()).toEqual([]);
    expect(await counts('emptied')).toEqual({ ...none, finished: 1 });
    expect(await python.run('return fetch(id).return_value()', { id: running.id })).toBe('hung on');
  });

  it('deletes and cancels what is failed, finished or waits for its retry', async () => {
    const { python, redis, rq } = sides;
    const queue = rq.queue('settled');
    const retry = { max: 1, intervalsSeconds: [60] };
    const jobs = [
      await queue.enqueue('nodejobs.add', 1),
      await queue.enqueue('nodejobs.fail', 'x'),
      await queue.enqueueWith({ retry }, 'nodejobs.fail', 'x'),
    ];
    await sides.burst('settled', { isolation: 'inline' });
    expect(await redis.zcard('rq:scheduled:settled')).toBe(1);
    await python.run('for id in ids: fetch(id).delete()', { ids: jobs.map(({ id }) => id) });
    const registries = ['finished', 'failed', 'scheduled', 'wip'].map(
      (name) => `rq:${name}:settled`,
    );
    expect(await redis.exists(...registries)).toBe(0);
    // The list of the FailedQueue is not known to Python; whoever reads it looks at the status.
    expect(await rq.failedQueue.ids()).toEqual([]);
  });
});
