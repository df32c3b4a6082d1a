import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { Rq } from '../../../src/index.js';
import { audit } from '../../../src/redis/audit/audit.js';
import { LossyProxy } from '../../support/lossy-proxy.js';
import { describeWithPython } from '../../support/python.js';
import { until } from '../../support/until.js';
import { TwoSides } from '../two-sides.js';

const soon = { timeoutMs: 10_000 };
const quick = { intervalMs: 50, graceMs: 100 };

describeWithPython('where Python RQ loses jobs', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(async () => {
    await sides.stopWorkers();
    await sides.redis.flushdb();
  });
  afterAll(() => sides?.part());

  it('S1: a worker of two queues that dies between pop and start', async () => {
    const { rq, redis, python } = sides;
    const id = await python.run<string>(`
job = queue('b').enqueue('both.side')
popped, _ = Queue.dequeue_any([queue('a'), queue('b')], None, connection=r, serializer=JSONSerializer)
return popped.id`);
    // Whoever popped it is gone: it waits for ever, in no list, and no cleaner finds it.
    await python.run("Worker([queue('a'), queue('b')], connection=r).clean_registries()");
    expect(await redis.hget(`rq:job:${id}`, 'status')).toBe('queued');
    expect(await redis.keys('rq:queue:*')).toEqual([]);
    // The sweeper is the audit.
    const { findings } = await audit(redis, rq.wire, { ...quick, repair: true });
    expect(findings).toEqual([expect.objectContaining({ code: 'A1', jobId: id, mended: true })]);
    await sides.burst('b', { isolation: 'inline' });
    expect(await rq.queue('b').job(id).result(soon)).toBe('node');
  });

  it('S1: a Node worker of two queues never holds a job in its hand only', async () => {
    const { rq, redis } = sides;
    const specs = Array.from({ length: 150 }, () => ({ name: 'nodejobs.hang', args: [5] }));
    const jobs = [
      ...(await rq.queue('a').enqueueMany(specs)),
      ...(await rq.queue('b').enqueueMany(specs)),
    ].map(({ id }) => id);
    await sides.boot({ queues: ['a', 'b'], isolation: 'inline', concurrency: 10 });
    // One moment of Redis: where is each job?
    const places = `
local seen = {}
for _, q in ipairs(ARGV) do
  for _, key in ipairs({ 'rq:queue:' .. q, 'rq:queue:' .. q .. ':intermediate' }) do
    for _, id in ipairs(redis.call('LRANGE', key, 0, -1)) do seen[id] = (seen[id] or 0) + 1 end
  end
  for _, key in ipairs({ 'rq:wip:' .. q, 'rq:finished:' .. q }) do
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      local id = string.match(member, '^[^:]+')
      seen[id] = (seen[id] or 0) + 1
    end
  end
end
local all = {}
for id, times in pairs(seen) do all[#all + 1] = id .. ' ' .. times end
return { all, redis.call('ZCARD', 'rq:finished:a') + redis.call('ZCARD', 'rq:finished:b') }`;
    const once = jobs.map((id) => `${id} 1`).sort();
    let looks = 0;
    await until('all are finished', async () => {
      const [seen, finished] = (await redis.eval(places, 0, 'a', 'b')) as [string[], number];
      expect(seen.sort()).toEqual(once);
      looks += 1;
      return finished === jobs.length;
    });
    expect(looks).toBeGreaterThan(2);
  });

  it('S2: an id in flight of a dead worker: Python fails the job, Node brings it back', async () => {
    const { rq, redis, python } = sides;
    const fly = async () => {
      const id = await python.run<string>("return queue('flight').enqueue('both.side').id");
      await redis.lmove('rq:queue:flight', 'rq:queue:flight:intermediate', 'LEFT', 'RIGHT');
      return id;
    };
    const maintain = "Worker([queue('flight')], connection=r).clean_registries()";
    const failed = await fly();
    await python.run(maintain);
    // More than a minute later.
    const firstSeen = (id: string) => `rq:queue:flight:intermediate:first_seen:${id}`;
    await redis.set(firstSeen(failed), '1.0');
    await python.run(maintain);
    expect(await redis.hget(`rq:job:${failed}`, 'status')).toBe('failed');
    expect(await python.run('return fetch(id).exc_info', { id: failed })).toBe(
      'Job was stuck in intermediate queue.',
    );
    expect(await redis.exists(firstSeen(failed))).toBe(1);

    const returned = await fly();
    await sides.boot({ queues: ['flight'], isolation: 'inline', wire: { narrowLeaseMs: 400 } });
    expect(await rq.queue('flight').job(returned).result(soon)).toBe('node');
    await python.run(maintain);
    expect(await redis.hget(`rq:job:${returned}`, 'status')).toBe('finished');
    expect(await redis.exists(firstSeen(returned))).toBe(0);
  });

  it('S2: an id in flight whose horse died before it began: Python has failed or retried the job, and Node leaves it at that', async () => {
    const { rq, redis, python } = sides;
    const [failed, retried] = await python.run<[string, string]>(`
import sharp
stillborn = queue('stillborn')
ids = [stillborn.enqueue('both.side').id, stillborn.enqueue('both.side', retry=Retry(max=5)).id]
sharp.lose_horse(stillborn, 2)
return ids`);
    const inFlight = 'rq:queue:stillborn:intermediate';
    expect(await redis.lrange(inFlight, 0, -1)).toEqual([failed, retried]);
    const paused = rq.queue('stillborn');
    await paused.pause();
    await sides.boot({ queues: ['stillborn'], isolation: 'inline', wire: { narrowLeaseMs: 400 } });
    await until('nothing is in flight', async () => (await redis.exists(inFlight)) === 0);
    // Where a worker of Python's takes what it pops, whatever it says of itself.
    expect(await paused.ids()).toEqual([retried]);
    expect(await redis.hget(`rq:job:${failed}`, 'status')).toBe('failed');
    await paused.resume();
    expect(await paused.job(retried).result(soon)).toBe('node');
    expect(await paused.counts()).toMatchObject({ queued: 0, finished: 1, failed: 1 });
  });

  it('S3: Python enters a job among the scheduled before there is one', async () => {
    const { redis, python } = sides;
    const seen = await python.run(`
import datetime, sharp
def look(_):
    entries = [key.decode() for key in r.zrange('rq:scheduled:later', 0, -1)]
    left = [r.exists('rq:job:' + id) for id in entries]
    r.flushdb()
    return left
minute = datetime.timedelta(seconds=60)
return sharp.deaths(lambda: None, lambda _: queue('later').enqueue_in(minute, 'sharp.nothing'), look)`);
    // Before the first request; after the entry, without a hash; whole.
    expect(seen).toEqual([[], [0], [1]]);
    expect(await redis.dbsize()).toBe(0);
  });

  it('S3: a retry with a pause: Python leaves two places behind, Node has one at any moment', async () => {
    const { rq, redis, python } = sides;
    const seen = await python.run<Array<[string, number, number]>>(`
import sharp
def prepare():
    r.flushdb()
    return sharp.abandon(queue('paused').enqueue('sharp.fail', retry=Retry(max=1, interval=60)))
def look(job):
    return [
        r.hget(job.key, 'status').decode(), r.zcard('rq:wip:paused'), r.zcard('rq:scheduled:paused'),
    ]
return sharp.deaths(prepare, lambda _: len(queue('paused').started_job_registry), look)`);
    // Dead here, the next cleaner retries it once more, and the scheduler runs it as well.
    expect(seen).toContainEqual(['scheduled', 1, 1]);
    expect(seen.at(-1)).toEqual(['scheduled', 0, 1]);

    await redis.flushdb();
    const retry = { max: 1, intervalsSeconds: [60] };
    const specs = Array.from({ length: 60 }, () => ({
      name: 'nodejobs.fail',
      args: ['no'],
      options: { retry },
    }));
    const jobs = await rq.queue('paused').enqueueMany(specs);
    await sides.boot({ queues: ['paused'], isolation: 'inline', concurrency: 3 });
    const count = `return redis.call('LLEN', KEYS[1]) + redis.call('LLEN', KEYS[2])
      + redis.call('ZCARD', KEYS[3]) + redis.call('ZCARD', KEYS[4])`;
    const places = ['queue', 'wip', 'scheduled'].map((place) => `rq:${place}:paused`);
    const keys = [places[0], `${places[0]}:intermediate`, ...places.slice(1)] as string[];
    await until('all wait for their retry', async () => {
      expect(await redis.eval(count, keys.length, ...keys)).toBe(jobs.length);
      return (await redis.zcard('rq:scheduled:paused')) === jobs.length;
    });
  });

  it('S4: requeue: Python can lose the job on the way, or let it expire; Node moves it in one step', async () => {
    const { rq, redis, python } = sides;
    const seen = await python.run(`
import sharp
def prepare():
    r.flushdb()
    job = queue('back').enqueue('sharp.fail')
    sharp.work_here(queue('back'))
    return job
def look(job):
    return [
        r.hget(job.key, 'status').decode(),
        *[name for name, there in {
            'failed': r.zscore('rq:failed:back', job.id) is not None,
            'queue': r.lpos('rq:queue:back', job.id) is not None,
        }.items() if there],
    ]
return sharp.deaths(prepare, lambda job: fetch(job.id).requeue(), look)`);
    const before = ['failed', 'failed'];
    const nowhere = ['failed'];
    expect(seen).toEqual([before, before, nowhere, nowhere, ['queued', 'queue']]);
    // It keeps the lifetime of its failure while it waits.
    const [id] = await redis.lrange('rq:queue:back', 0, -1);
    expect(await redis.ttl(`rq:job:${id}`)).toBeGreaterThan(0);

    await redis.flushdb();
    const proxy = await LossyProxy.start(Number(new URL(sides.url).port));
    const { pathname } = new URL(sides.url);
    const through = new Rq({ url: `${proxy.url}${pathname}` });
    try {
      const job = await rq.queue('back').enqueue('nodejobs.fail', 'no');
      await sides.burst('back', { isolation: 'inline' });
      await expect(through.failedQueue.requeue('unknown')).rejects.toThrow(/unknown/);
      // The script runs, and its reply is lost with the connection.
      proxy.mode = { kind: 'cut', when: () => proxy.cuts === 0 };
      await through.failedQueue.requeue(job.id).catch((error: unknown) => error);
      expect(proxy.cuts).toBe(1);
      expect((await job.fetch()).status).toBe('queued');
      expect(await redis.lrange('rq:queue:back', 0, -1)).toEqual([job.id]);
      expect(await redis.exists('rq:failed:back')).toBe(0);
      expect(await redis.ttl(`rq:job:${job.id}`)).toBe(-1);
      await until('it is connected again', () => through.queueNames().catch(() => null));
    } finally {
      await through.close();
      await proxy.stop();
    }
  });

  it('S5: a ttl that begins before the job waits: Python’s is gone before its time', async () => {
    const { rq, redis, python } = sides;
    const [scheduled, deferred] = await python.run<[string, string]>(`
import datetime
q = queue('early')
job = q.create_job('both.side', ttl=5)
q.schedule_job(job, datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=60))
parent = q.enqueue('both.side')
return [job.id, q.enqueue('both.side', depends_on=parent, ttl=5).id]`);
    const ttl = (id: string) => redis.ttl(`rq:job:${id}`);
    expect(await ttl(scheduled)).toBe(version === '2.12' ? 5 : -1);
    expect(await ttl(deferred)).toBe(5);

    const queue = rq.queue('late');
    const later = await queue.enqueueWith({ in: 60, ttl: 5 }, 'both.side');
    const parent = await queue.enqueue('nodejobs.nothing');
    const child = await queue.enqueueWith({ dependsOn: parent, ttl: 5 }, 'both.side');
    expect([await ttl(later.id), await ttl(child.id)]).toEqual([-1, -1]);
    // Released, it has its five seconds.
    await sides.burst('late', { isolation: 'inline', maxJobs: 1 });
    expect((await child.fetch()).status).toBe('queued');
    expect(await ttl(child.id)).toBe(5);
  });
});
