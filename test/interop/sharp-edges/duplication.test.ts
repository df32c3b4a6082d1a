import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { LifecycleEvent, Verdict } from '../../../src/index.js';
import { cleanQueue } from '../../../src/redis/maintenance.js';
import { recover } from '../../../src/redis/transitions/recover.js';
import { overdueIn } from '../../redis/support/overdue.js';
import { describeWithPython } from '../../support/python.js';
import { until } from '../../support/until.js';
import { TwoSides } from '../two-sides.js';

const soon = { timeoutMs: 10_000 };
const inline = { isolation: 'inline' as const };
const narrow = { ...inline, wire: { narrowLeaseMs: 400 } };

describeWithPython('where Python RQ does things twice', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(async () => {
    await sides.stopWorkers();
    await sides.redis.flushdb();
  });
  afterAll(() => sides?.part());

  const status = (id: string) => sides.redis.hget(`rq:job:${id}`, 'status');

  it('S17: two cleaners retry a job twice, two recoverers once', async () => {
    const { rq, redis, python } = sides;
    const abandon = `
import sharp
return sharp.abandon(queue('seventeen').enqueue('both.side', retry=Retry(max=3))).id`;
    const theirs = await python.run<string>(abandon);
    await python.run(`
import sharp
from rq.job import Job
clean = lambda _: len(queue('seventeen').started_job_registry)
with sharp.meanwhile(Job, 'retry', clean):
    clean(None)`);
    expect(await redis.lrange('rq:queue:seventeen', 0, -1)).toEqual([theirs, theirs]);
    expect(await redis.hget(`rq:job:${theirs}`, 'retries_left')).toBe('2');
    await rq.queue('seventeen').job(theirs).delete();

    const ours = await python.run<string>(abandon);
    const overdue = await overdueIn(rq.redis, 'seventeen');
    const verdicts = await Promise.all(
      Array.from({ length: 3 }, () => recover(rq.redis, 'seventeen', overdue, rq.wire)),
    );
    expect(verdicts.flat().filter((verdict) => verdict === 'recovered')).toHaveLength(1);
    expect(await redis.lrange('rq:queue:seventeen', 0, -1)).toEqual([ours]);
    expect(await redis.hget(`rq:job:${ours}`, 'retries_left')).toBe('2');
  });

  it('45: S18: two schedulers that overlap enqueue a job twice, and Node runs it once', async () => {
    const { redis, python, rq } = sides;
    const id = await python.run<string>(`
import datetime, sharp
from rq import Queue
from rq.scheduler import RQScheduler
job = queue('eighteen').enqueue_in(datetime.timedelta(seconds=60), 'nodejobs.add', 1, 2)
r.zadd('rq:scheduled:eighteen', {job.id: 1})
def scheduler():
    one = RQScheduler(['eighteen'], connection=r, serializer=JSONSerializer)
    assert one.acquire_locks()
    # Its lock ran out, or was deleted by hand.
    r.delete('rq:scheduler-lock:eighteen')
    return one
first, second = scheduler(), scheduler()
enqueue = '_enqueue_job' if hasattr(Queue, '_enqueue_job') else 'enqueue_job'
with sharp.meanwhile(Queue, enqueue, lambda _: second.enqueue_scheduled_jobs()):
    first.enqueue_scheduled_jobs()
return job.id`);
    expect(await redis.lrange('rq:queue:eighteen', 0, -1)).toEqual([id, id]);
    const settled: string[] = [];
    const dropped: LifecycleEvent[] = [];
    const events = rq.queue('eighteen').events$.subscribe((event) => {
      if (event.kind === 'dropped') dropped.push(event);
    });
    const on = { onSettled: ({ verdict }: { verdict: Verdict }) => settled.push(verdict) };
    await sides.burst('eighteen', { ...inline, on });
    await until('one is dropped', () => dropped.length > 0);
    events.unsubscribe();
    expect(settled).toEqual(['finished']);
    expect(dropped).toHaveLength(1);
    expect(await rq.queue('eighteen').job(id).result(soon)).toBe(3);
  });

  it('S19: an id that is queued twice is run twice by Python, once by Node', async () => {
    const { redis, python, rq } = sides;
    const theirs = await python.run<string>(
      "return queue('nineteen').enqueue('pyjobs.put_down', 'runs', 'x').id",
    );
    await redis.rpush('rq:queue:nineteen', theirs);
    await python.run("import sharp\nsharp.work_here(queue('nineteen'))");
    expect(await redis.lrange('runs', 0, -1)).toEqual(['x', 'x']);

    const ours = await rq.queue('nineteen').enqueue('nodejobs.hang', 50);
    await redis.rpush('rq:queue:nineteen', ours.id, ours.id);
    const settled: string[] = [];
    const on = { onSettled: ({ verdict }: { verdict: Verdict }) => settled.push(verdict) };
    await sides.burst('nineteen', { ...inline, on });
    expect(settled).toEqual(['finished']);
    expect((await ours.fetch()).attempt).toBe(1);
  });

  it('S20: a worker that lost its job overwrites the outcome, a Node worker is refused', async () => {
    const { redis, python, rq } = sides;
    const theirs = await python.run<string>(`
import sharp
job = queue('twenty').enqueue('sharp.be_taken_away')
sharp.work_here(queue('twenty'))
return job.id`);
    // Found abandoned, entered as failed, and finished by a worker that did not know.
    expect(await status(theirs)).toBe('finished');
    expect(await redis.zrange('rq:failed:twenty', 0, '-1')).toEqual([theirs]);
    expect(await redis.zrange('rq:finished:twenty', 0, '-1')).toEqual([theirs]);

    const settled: string[] = [];
    const on = { onSettled: ({ verdict }: { verdict: Verdict }) => settled.push(verdict) };
    await sides.boot({ queues: ['twenty-node'], ...inline, on });
    const ours = await rq.queue('twenty-node').enqueue('nodejobs.hang', 400);
    const [member] = await until('it runs', async () => {
      const members = await redis.zrange('rq:wip:twenty-node', 0, '-1');
      return members.length > 0 && members;
    });
    await redis.zadd('rq:wip:twenty-node', 'XX', 1, member as string);
    await python.run("return len(queue('twenty-node').started_job_registry)");
    await until('it has ended', () => settled.length > 0);
    expect(settled).toEqual(['lost']);
    // 1.x takes the entry for an id that it does not know, and leaves the job as it is.
    expect(await status(ours.id)).toBe(version === '2.12' ? 'failed' : 'started');
    expect(await redis.exists('rq:finished:twenty-node')).toBe(0);
  });

  it('S21: of attempts that are retried nothing is kept by Python, and all by the events of Node', async () => {
    const { redis, python, rq } = sides;
    const theirs = await python.run<string>(`
import sharp
job = queue('history').enqueue('sharp.fail', retry=Retry(max=2))
sharp.work_here(queue('history'))
return job.id`);
    expect(await redis.xlen(`rq:results:${theirs}`)).toBe(1);
    const ours = await rq
      .queue('history')
      .enqueueWith({ retry: { max: 2 } }, 'nodejobs.fail', 'once more');
    await sides.burst('history', inline);
    const story: LifecycleEvent[] = [];
    await new Promise<void>((resolve, reject) => {
      ours.events$.subscribe({
        next: (event) => story.push(event),
        error: reject,
        complete: resolve,
      });
    });
    const attempt = ['started', 'failed'];
    expect(story.map(({ kind }) => kind)).toEqual([
      'enqueued',
      ...attempt,
      'retried',
      ...attempt,
      'retried',
      ...attempt,
      'quarantined',
    ]);
  });

  it('leaks: results without their job, entries without a job', async () => {
    const { redis, python, rq } = sides;
    const [failed, deleted, dropped] = await python.run<[string, string, string]>(`
import sharp
q = queue('leaks')
failed = q.enqueue('sharp.fail')
deleted = q.enqueue('sharp.nothing')
dropped = q.enqueue('sharp.fail', failure_ttl=0)
sharp.work_here(q)
deleted.delete()
return [failed.id, deleted.id, dropped.id]`);
    // A year for the hash, and for ever for its results.
    expect(await redis.ttl(`rq:job:${failed}`)).toBeGreaterThan(0);
    expect(await redis.ttl(`rq:results:${failed}`)).toBe(-1);
    expect([
      await redis.exists(`rq:job:${deleted}`),
      await redis.exists(`rq:results:${deleted}`),
    ]).toEqual([0, 1]);
    expect(await redis.exists(`rq:job:${dropped}`)).toBe(0);
    expect(await redis.zscore('rq:failed:leaks', dropped)).not.toBeNull();

    await redis.flushdb();
    const queue = rq.queue('leaks');
    const results = 'stream' as const;
    const ours = await queue.enqueueWith({ results }, 'nodejobs.fail', 'x');
    const erased = await queue.enqueueWith({ results }, 'nodejobs.add', 1);
    await queue.enqueueWith({ results, failureTtlSeconds: 0 }, 'nodejobs.fail', 'x');
    await sides.burst('leaks', inline);
    await erased.delete();
    const ttls = [`rq:job:${ours.id}`, `rq:results:${ours.id}`].map((key) => redis.ttl(key));
    const [ofJob, ofResults] = await Promise.all(ttls);
    expect(ofResults).toBe(ofJob);
    expect(await redis.zrange('rq:failed:leaks', 0, '-1')).toEqual([ours.id]);
    const left = await redis.keys('rq:[jr]*');
    expect(left.sort()).toEqual([`rq:job:${ours.id}`, `rq:results:${ours.id}`]);
    // The ghost that Python leaves is dropped by a cleaner of either side, once its time has come.
    await redis.zadd('rq:failed:leaks', 1, 'a-ghost');
    await cleanQueue(redis, 'leaks');
    expect(await redis.zrange('rq:failed:leaks', 0, '-1')).toEqual([ours.id]);
  });

  it('liveness: a worker that was taken off the lists never comes back, a Node worker does', async () => {
    const { redis, python, rq } = sides;
    const names = 'return sorted(w.name for w in Worker.all(connection=r))';
    await python.run(`
worker = Worker([queue('lists')], name='theirs', connection=r)
worker.register_birth()
for key in ['rq:workers', 'rq:workers:lists']:
    r.srem(key, worker.key)
worker.heartbeat()`);
    expect(await python.run(names)).toEqual([]);
    await sides.boot({ queues: ['lists'], name: 'ours', ...narrow });
    await redis.srem('rq:workers', 'rq:worker:ours');
    await redis.srem('rq:workers:lists', 'rq:worker:ours');
    await redis.del('rq:worker:ours');
    // Told at the latest every 20 s, and when its state changes.
    await rq.queue('lists').enqueue('nodejobs.hang', 60_000);
    await until(
      'it is back',
      async () => (await redis.sismember('rq:workers:lists', 'rq:worker:ours')) === 1,
    );
    expect(await python.run(names)).toEqual(['ours']);
    expect(await python.run("return [w.name for w in Worker.all(queue=queue('lists'))]")).toEqual([
      'ours',
    ]);
  });
});
