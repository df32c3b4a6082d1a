import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { audit } from '../../../src/redis/audit/audit.js';
import { describeWithPython } from '../../support/python.js';
import { until } from '../../support/until.js';
import { TwoSides } from '../two-sides.js';

const soon = { timeoutMs: 10_000 };

describeWithPython('cases 38 to 54, what the other files leave', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  const wipOf = (queue: string) => sides.redis.zrange(`rq:wip:${queue}`, '0', '-1', 'WITHSCORES');
  const started = (queue: string) =>
    until(`a job of ${queue} runs`, async () => (await wipOf(queue)).length > 0);

  it('43: what a dashboard reads while a Node worker runs a JSON job loads', async () => {
    const { rq, python } = sides;
    const queue = rq.queue('dashboard');
    await sides.boot({ queues: ['dashboard'], isolation: 'inline', name: 'shown' });
    const done = await queue.enqueueWith({ results: 'stream' }, 'nodejobs.add', 1, 2);
    const failed = await queue.enqueueWith({ results: 'stream' }, 'nodejobs.fail', 'x');
    expect(await done.result(soon)).toBe(3);
    await expect(failed.result(soon)).rejects.toThrow(/x/);
    const running = await queue.enqueue('nodejobs.hang', 60_000);
    await started('dashboard');
    const waiting = await rq.queue('waiting').enqueue('nodejobs.add', 1);

    // Dashboards list workers with the default serializer, and ask for the call of what each one runs.
    const workers = `
return [
    [w.name, w.get_current_job() and w.get_current_job().get_call_string()]
    for w in Worker.all(connection=r)
]`;
    expect(await python.run(workers)).toEqual([['shown', null]]);
    const pages = await python.run(
      `
def line(job):
    result = job.latest_result()
    return [
        str(job.get_status()).split('.')[-1].lower(), job.get_call_string(), job.description,
        result and result.type.name, bool(job.exc_info), job.created_at is not None,
    ]
q = queue('dashboard')
registries = [q.started_job_registry, q.finished_job_registry, q.failed_job_registry]
listed = [q.fetch_job(id) for registry in registries for id in registry.get_job_ids()]
return [job and line(job) for job in [*listed, *queue('waiting').get_jobs()]]`,
    );
    expect(pages).toEqual([
      // 1.x takes the whole member of `rq:wip` for an id, and finds no such job.
      version === '2.12'
        ? ['started', 'nodejobs.hang(60000)', 'nodejobs.hang(60000)', null, false, true]
        : null,
      ['finished', 'nodejobs.add(1, 2)', 'nodejobs.add(1, 2)', 'SUCCESSFUL', false, true],
      ['failed', "nodejobs.fail('x')", "nodejobs.fail('x')", 'FAILED', true, true],
      ['queued', 'nodejobs.add(1)', 'nodejobs.add(1)', null, false, true],
    ]);
    await running.delete();
    await waiting.delete();
  });

  if (version === '1.16') {
    it('49: what a 1.x cleaner does to an abandoned Node job is found and mended', async () => {
      const { rq, redis, python } = sides;
      const job = await rq.queue('dropped').enqueue('both.side');
      // As a Node worker leaves it that was killed.
      const execution = 'e'.repeat(32);
      await redis
        .multi()
        .lpop('rq:queue:dropped')
        .hset(`rq:job:${job.id}`, 'status', 'started', 'x_attempt', 1)
        .zadd('rq:wip:dropped', 1, `${job.id}:${execution}`)
        .exec();
      await python.run("Worker([queue('dropped')], connection=r).clean_registries()");
      expect(await redis.zcard('rq:wip:dropped')).toBe(0);
      expect((await job.fetch()).status).toBe('started');
      const quick = { intervalMs: 50, graceMs: 100 };
      const found = await audit(redis, rq.wire, quick);
      const ofJob = found.findings.filter((finding) => JSON.stringify(finding).includes(job.id));
      expect(ofJob).toHaveLength(1);
      await audit(redis, rq.wire, { ...quick, repair: true });
      await sides.burst('dropped', { isolation: 'inline' });
      expect(await job.result(soon)).toBe('node');
    });
  }

  it('52: clocks that differ by half a minute abandon nothing', async () => {
    const { rq, redis, python } = sides;
    await sides.boot({ queues: ['clocks'], isolation: 'inline' });
    const ours = await rq.queue('clocks').enqueue('nodejobs.hang', 60_000);
    await started('clocks');
    // A cleaner whose clock is ahead.
    const clean = `
from rq.utils import current_timestamp
queue('clocks').started_job_registry.cleanup(timestamp=current_timestamp() + 30)`;
    await python.run(clean);
    expect((await ours.fetch()).status).toBe('started');
    expect(await wipOf('clocks')).toHaveLength(2);
    await ours.delete();
    await sides.stopWorkers();

    // A Python worker whose clock is behind: what it writes is over half a minute sooner than it means.
    const theirs = await rq.queue('clocks').enqueue('both.side');
    await redis.lpop('rq:queue:clocks');
    const member = await python.run<string>(
      `
import datetime, rq.registry
job = fetch(id)
behind = rq.registry.current_timestamp() - 30
rq.registry.current_timestamp, true_clock = (lambda: behind), rq.registry.current_timestamp
try:
    worker = Worker([queue('clocks')], connection=r, serializer=JSONSerializer)
    if hasattr(worker, 'prepare_execution'):
        worker.prepare_execution(job)
    else:
        with r.pipeline() as p:
            job.started_job_registry.add(job, worker.get_heartbeat_ttl(job), pipeline=p)
            p.execute()
    worker.prepare_job_execution(job)
finally:
    rq.registry.current_timestamp = true_clock
return r.zrange('rq:wip:clocks', 0, -1)[0].decode()`,
      { id: theirs.id },
    );
    const [, score] = await wipOf('clocks');
    expect(Number(score) - Date.now() / 1_000).toBeGreaterThan(50);
    // Its recoverer looks several times while this one works.
    const options = { isolation: 'inline' as const, wire: { narrowLeaseMs: 400 } };
    await sides.boot({ queues: ['clocks'], ...options });
    const busy = await rq.queue('clocks').enqueue('nodejobs.hang', 3_000);
    expect(await busy.result(soon)).toBe('hung on');
    expect((await theirs.fetch()).status).toBe('started');
    expect((await wipOf('clocks'))[0]).toBe(member);
    await theirs.delete();
  });
});
