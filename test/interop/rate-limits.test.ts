import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { sweepLimits } from '../../src/redis/rate-limits.js';
import { describeWithPython } from '../support/python.js';
import { until } from '../support/until.js';
import { TwoSides } from './two-sides.js';

const rateLimit = { key: 'tenant', concurrency: 1 };

describeWithPython('rate limits beside Pythons that know none', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  beforeEach(() => sides.redis.flushdb());
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  const allowed = () => sides.redis.zrange(keys.allowed('tenant'), '0', '-1');
  const waiting = () => sides.rq.rateLimitedIds('tenant');

  it('36: a finished job with `rate_limit_key`, put there as RQ 3 does, lets the next one in', async () => {
    const { redis, rq, python } = sides;
    // RQ 3's own transaction and acquire script, step by step: these releases have neither.
    const ids = await python.run<string[]>(`
import time
ids = []
for n in range(3):
    job = Job.create('nodejobs.add', args=(n,), origin='limited', connection=r, serializer=serializer_of('json'))
    with r.pipeline() as p:
        p.sadd('rq:rl-keys', 'tenant')
        p.hset('rq:rl:tenant', 'concurrency', 1)
        job.save(pipeline=p)
        p.hset(job.key, mapping={'status': 'rate_limited', 'rate_limit_key': 'tenant', 'rate_limit_concurrency': 1})
        p.zadd('rq:rl:tenant:rate_limited', {job.id: time.time()})
        p.execute()
    if n == 0:
        r.zrem('rq:rl:tenant:rate_limited', job.id)
        r.zadd('rq:rl:tenant:allowed', {job.id: time.time()})
        r.hset(job.key, 'status', 'queued')
        r.sadd('rq:queues', 'rq:queue:limited')
        r.rpush('rq:queue:limited', job.id)
    ids.append(job.id)
return ids`);
    const started: string[] = [];
    const events = rq.events(['limited'], 'now');
    const watching = (await events.ready()).subscribe((event) => {
      if (event.kind === 'started' || event.kind === 'finished' || event.kind === 'released')
        started.push(event.kind);
    });
    await sides.boot({ queues: ['limited'], concurrency: 5, isolation: 'inline' });
    await until('all have run', async () => (await rq.queue('limited').counts()).finished === 3);
    await until('it is told', () => started.length === 8);
    watching.unsubscribe();
    // Never two at a time, and in their order.
    expect(started.join(' ')).toMatch(/^(started finished ?(released )?){3}$/);
    expect(await redis.keys('rq:rl*')).toEqual([]);
    const endings = await Promise.all(ids.map((id) => rq.fetch(id)));
    const times = endings.map(({ record }) => record.endedAt?.getTime() ?? 0);
    expect([...times].sort()).toEqual(times);
  });

  it('keeps waiting jobs out of all that those Pythons read, and harm', async () => {
    const { python, rq } = sides;
    const queue = rq.queue('limited');
    const [first, second] = await Promise.all(
      [1, 2].map((n) => queue.enqueueWith({ rateLimit }, 'nodejobs.add', n)),
    );
    if (!first || !second) throw new Error('two were enqueued');
    expect(await waiting()).toEqual([second.id]);
    expect(await python.run("return counts('limited')")).toMatchObject({ queued: 1, started: 0 });
    expect(await python.run<string>("return cli('info', '--raw')")).toContain('queue limited 1');
    expect(await python.run("return [j.id for j in queue('limited').jobs]")).toEqual([first.id]);
    await python.run("Worker([queue('limited')], connection=r).clean_registries()");
    expect((await second.fetch()).status).toBe('rate_limited');
    // Only who asks for the very job meets the word.
    const fetched = python.run('return str(fetch(id).get_status())', { id: second.id });
    if (version === '2.12') await expect(fetched).rejects.toThrow(/not a valid JobStatus/);
    else expect(await fetched).toBe('rate_limited');
  });

  it('has jobs run by those Pythons, and the slot back by the next sweep', async () => {
    const { python, rq, redis } = sides;
    const queue = rq.queue('limited');
    const jobs = [];
    for (const n of [1, 2]) jobs.push(await queue.enqueueWith({ rateLimit }, 'pyjobs.add', n, 1));
    await python.run("work('limited')");
    expect(await jobs[0]?.result({ timeoutMs: 5_000 })).toBe(2);
    // That worker gave nothing back.
    expect([await allowed(), await queue.ids()]).toEqual([[jobs[0]?.id], []]);
    await redis.del(keys.sweepingLimits);
    expect(await sweepLimits(redis, rq.wire)).toBe(1);
    expect([await allowed(), await queue.ids()]).toEqual([[jobs[1]?.id], [jobs[1]?.id]]);
    await python.run("work('limited')");
    // Any worker of ours sweeps, whatever it works on.
    await redis.del(keys.sweepingLimits);
    await sides.boot({ queues: ['elsewhere'], isolation: 'inline', wire: { narrowLeaseMs: 800 } });
    await until('the limit is forgotten', async () => (await redis.keys('rq:rl*')).length === 0);
  });

  it('requeued by Python, a job waits for its slot once a Node worker meets it', async () => {
    const { python, rq } = sides;
    const queue = rq.queue('limited');
    const failing = await queue.enqueueWith({ rateLimit }, 'nodejobs.fail', 'no');
    await sides.burst('limited', { isolation: 'inline' });
    const holder = await queue.enqueueWith({ rateLimit }, 'nodejobs.add', 1);
    await python.run("fetch(id).requeue()\nreturn r.lrange('rq:queue:limited', 0, -1) and None", {
      id: failing.id,
    });
    expect((await queue.ids()).sort()).toEqual([failing.id, holder.id].sort());
    const delivered: string[] = [];
    const taking = queue.deliveries$({ concurrency: 2 }).subscribe((delivery) => {
      delivered.push(delivery.job.jobId);
    });
    await until('one is taken', () => delivered.length === 1);
    await until('the other waits', async () => (await waiting()).length === 1);
    expect([...delivered, ...(await waiting())].sort()).toEqual([failing.id, holder.id].sort());
    taking.unsubscribe();
  });
});
