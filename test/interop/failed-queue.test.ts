import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { InvalidJobOperationError } from '../../src/index.js';
import { cleanQueue } from '../../src/redis/maintenance.js';
import { describeWithPython } from '../support/python.js';
import { until } from '../support/until.js';
import { TwoSides } from './two-sides.js';

describeWithPython('the FailedQueue between Node and Python', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(async () => {
    await sides.stopWorkers();
    await sides.rq.failedQueue.empty();
  });
  afterAll(() => sides?.part());

  it.each(['json', 'pickle'])('requeues from Node what Python failed (%s)', async (serializer) => {
    const { rq, redis, python } = sides;
    const name = `python-failed-${serializer}`;
    const [first, second] = await python.run<[string, string]>(
      `
q = queue(name, serializer)
ids = [q.enqueue('nodejobs.add', 4).id, q.enqueue('nodejobs.add', 5).id]
work(name, serializer)
return ids`,
      { name, serializer },
    );
    // Python does not have these functions, so it has failed them.
    expect(await redis.exists('rq:queue:failed')).toBe(0);
    expect(await rq.failedQueue.length()).toBe(2);
    expect((await rq.failedQueue.ids()).sort()).toEqual([first, second].sort());
    const [record] = await rq.failedQueue.jobs();
    expect(record).toMatchObject({ status: 'failed', origin: name, problems: [] });

    await rq.failedQueue.requeue(second, { atFront: true });
    expect(await rq.failedQueue.requeueAll()).toBe(1);
    expect(await redis.exists(`rq:failed:${name}`)).toBe(0);
    await expect(rq.failedQueue.requeue(first)).rejects.toThrow(InvalidJobOperationError);
    const seen = 'job = fetch(id, s)\nreturn [job.is_queued, job.started_at, job.ended_at]';
    const given = { id: first, s: serializer };
    expect(await python.run(seen, given)).toEqual([true, null, null]);
    // It must not expire with its failure while it waits.
    expect(await redis.ttl(`rq:job:${first}`)).toBe(-1);
    await sides.burst(name, { isolation: 'inline' });
    const values = 'return [fetch(id, s).return_value() for id in ids]';
    expect(await python.run(values, { ids: [first, second], s: serializer })).toEqual([4, 5]);
  });

  it('Python works again what Node failed and Node requeued', async () => {
    const { rq, python } = sides;
    const queue = rq.queue('node-failed');
    const ids = await python.run<string[]>(
      "return [queue('node-failed').enqueue('pyjobs.add', i).id for i in range(3)]",
    );
    // No worker of Python's is there: after three rounds they are put aside.
    await sides.boot({ queues: [queue.name], isolation: 'inline' });
    await until('all are aside', async () => (await rq.failedQueue.length()) === 3);
    await sides.stopWorkers();
    expect((await rq.failedQueue.ids()).sort()).toEqual([...ids].sort());
    expect(await rq.failedQueue.requeueMany(ids)).toBe(3);
    await python.run('work(name)', { name: queue.name });
    const results = await Promise.all(ids.map((id) => queue.job(id).result({ timeoutMs: 5_000 })));
    expect(results).toEqual([0, 1, 2]);
    expect(await python.run('return counts(name)', { name: queue.name })).toMatchObject({
      finished: 3,
      failed: 0,
    });
  });

  it('drops the leftover in its list when Python requeued the job', async () => {
    const { rq, redis, python } = sides;
    const queue = rq.queue('leftovers');
    const jobs = await queue.enqueueMany(
      [1, 2, 3].map(() => ({ name: 'nodejobs.fail', args: ['x'] })),
    );
    const [requeued, deleted, failed] = jobs.map(({ id }) => id) as [string, string, string];
    await sides.burst(queue.name, { isolation: 'inline' });
    await python.run('fetch(requeued).requeue(); fetch(deleted).delete()', { requeued, deleted });
    expect(await redis.lrange('rq:queue:failed', 0, -1)).toEqual([requeued, deleted, failed]);
    expect(await rq.failedQueue.ids()).toEqual([failed]);
    // A second requeue would enqueue the job twice.
    await expect(rq.failedQueue.requeue(requeued)).rejects.toThrow(InvalidJobOperationError);
    expect(await queue.ids()).toEqual([requeued]);
    await cleanQueue(redis, queue.name);
    expect(await redis.lrange('rq:queue:failed', 0, -1)).toEqual([failed]);
    await queue.empty();
  });

  it('51: shows a job once that failed twice, and one that was stopped', async () => {
    const { rq, redis, python } = sides;
    const queue = rq.queue('twice');
    const job = await queue.enqueue('nodejobs.fail', 'x');
    await sides.burst(queue.name, { isolation: 'inline' });
    await python.run('fetch(id).requeue()', { id: job.id });
    await sides.burst(queue.name, { isolation: 'inline' });
    expect(await redis.lrange('rq:queue:failed', 0, -1)).toEqual([job.id, job.id]);
    expect(await rq.failedQueue.ids()).toEqual([job.id]);
    expect(await rq.failedQueue.requeueAll()).toBe(1);
    expect(await queue.ids()).toEqual([job.id]);
    expect(await rq.failedQueue.ids()).toEqual([]);
    await cleanQueue(redis, queue.name);
    expect(await redis.exists('rq:queue:failed')).toBe(0);
    await redis.hset(`rq:job:${job.id}`, 'status', 'stopped');
    await redis.lrem('rq:queue:twice', 0, job.id);
    await redis.zadd('rq:failed:twice', Date.now(), job.id);
    expect(await rq.failedQueue.ids()).toEqual([job.id]);
    await rq.failedQueue.requeue(job.id);
    expect((await job.fetch()).status).toBe('queued');
    await job.delete();
  });

  it('gives the traceback of either side', async () => {
    const { rq, python } = sides;
    const job = await rq.queue('tracebacks').enqueue('nodejobs.fail', 'of Node');
    await sides.burst('tracebacks', { isolation: 'inline' });
    const info = await python.run<string>('return fetch(id).exc_info', { id: job.id });
    expect(info).toMatch(/^TypeError: of Node\n {4}at /);
    const theirs = await rq.queue('tracebacks').enqueue('pyjobs.fail', 'of Python');
    await python.run("work('tracebacks')");
    await expect(theirs.result({ timeoutMs: 5_000 })).rejects.toThrow(/ValueError: of Python/);
    expect(await rq.failedQueue.ids()).toEqual([job.id, theirs.id]);
  });
});
