import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { endWithUs } from '../../scripts/guard.mjs';
import { audit } from '../../src/redis/audit/audit.js';
import { describeWithPython, startPython } from '../support/python.js';
import { until } from '../support/until.js';
import { pythonEnvironment } from './python-hand.js';
import { TwoSides } from './two-sides.js';

const abandoned = /Moved to FailedJobRegistry, due to AbandonedJobError, at \d{4}-\d\d-\d\d /;
const count = "return len(queue(name, 'json').started_job_registry)";

describeWithPython('leases of Node and cleaners of Python', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  let killed: ChildProcess | undefined;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(async () => {
    killed?.kill('SIGKILL');
    await sides.stopWorkers();
  });
  afterAll(() => sides?.part());

  const wip = async (queue: string) => {
    const [member, score] = await sides.redis.zrange(`rq:wip:${queue}`, '0', '-1', 'WITHSCORES');
    return { member: member ?? '', score: Number(score) };
  };
  /** As if the worker had been silent for longer than it may. */
  const age = async (queue: string) => {
    const { member } = await wip(queue);
    await sides.redis.zadd(`rq:wip:${queue}`, 'XX', Math.floor(Date.now() / 1_000) - 5, member);
  };
  const started = (queue: string) =>
    until(`a job of ${queue} is started`, async () => (await wip(queue)).member || false);

  it('25: a long job moves its lease forward, and nobody who looks abandons it', async () => {
    const { rq, redis, python } = sides;
    const queue = rq.queue('long');
    // So narrow that a lease that stood still would be over long before the job is.
    await sides.boot({ queues: ['long'], wire: { narrowLeaseMs: 1_000, wideLeaseSeconds: 2 } });
    const id = await python.run<string>("return queue('long').enqueue('nodejobs.block', 3_500).id");
    await started('long');
    const first = await wip('long');
    expect(first.member).toMatch(new RegExp(`^${id}:[0-9a-f]{32}$`));
    await until('the first heartbeat', async () => (await queue.job(id).fetch()).lastHeartbeat);
    if (version === '2.12') {
      const executions = await python.run(
        `
job = fetch(id)
[execution] = job.get_executions()
return {
    'id': execution.composite_key, 'worker': execution.worker_name,
    'age': (rq.utils.now() - execution.created_at).total_seconds() < 5,
    'beats': execution.last_heartbeat > execution.created_at,
    'started': [job.id in queue('long').started_job_registry, job.is_started],
    'listed': [list(pair) for pair in queue('long').started_job_registry.get_job_and_execution_ids()],
}`,
        { id },
      );
      const worker = (await rq.queue('long').job(id).fetch()).workerName;
      const execution = first.member.slice(id.length + 1);
      expect(executions).toEqual({
        id: first.member,
        worker,
        age: true,
        beats: true,
        started: [true, true],
        listed: [[id, execution]],
      });
    }
    const scores = new Set<number>();
    let looks = 0;
    while ((await queue.job(id).fetch()).status === 'started') {
      scores.add((await wip('long')).score);
      looks += await python
        .run<number>("cli('info'); return len(queue('long').started_job_registry) >= 0")
        .then(Number);
    }
    expect(looks).toBeGreaterThan(10);
    expect(Math.max(...[...scores].filter(Boolean))).toBeGreaterThan(first.score + 1);
    expect(await queue.job(id).result({ timeoutMs: 1_000 })).toBe('blocked');
    expect(await python.run('return fetch(id).last_heartbeat is not None', { id })).toBe(true);
    const left = await redis.keys(`rq:execution*:${id}*`);
    expect([left, await redis.zcard('rq:wip:long')]).toEqual([[], 0]);
    expect(await python.run("return counts('long')")).toMatchObject({ finished: 1, failed: 0 });
  });

  const nodeProcess = async (queue: string, narrowLeaseMs: number) => {
    const script = fileURLToPath(new URL('fixtures/worker.js', import.meta.url));
    killed = spawn(process.execPath, [script, queue, String(narrowLeaseMs)], {
      env: { ...process.env, REDIS_URL: sides.url },
      stdio: 'ignore',
    });
    const release = endWithUs(killed.pid as number);
    killed.once('exit', release);
    return killed;
  };
  const gone = (child: ChildProcess) => until('the process is gone', () => child.signalCode);

  /** A job that a killed Node worker left, once a cleaner of Python has looked at it for the second time. */
  const cleanedAfterDeath = async (queue: string) => {
    const { python, rq } = sides;
    const worker = await nodeProcess(queue, 30_000);
    const id = await python.run<string>("return queue(name).enqueue('nodejobs.hang', 60_000).id", {
      name: queue,
    });
    await started(queue);
    worker.kill('SIGKILL');
    await gone(worker);
    // As long as the lease says so, the job is taken for running.
    expect(await python.run(count, { name: queue })).toBe(1);
    await age(queue);
    expect(await python.run(count, { name: queue })).toBe(0);
    await python.run(count, { name: queue });
    return rq.queue(queue).job(id);
  };

  if (version === '1.16') {
    it('Python 1.x drops what a killed Node worker left, and the job stays started', async () => {
      // It looks for a hash named `<id>:<execution>`, finds none, and drops the entry. Who mends it: case 49.
      const job = await cleanedAfterDeath('killed');
      expect((await job.fetch()).status).toBe('started');
      expect(await sides.redis.zcard('rq:failed:killed')).toBe(0);
    });
  }

  if (version === '2.12') {
    it('26: Python fails what a killed Node worker left, exactly once', async () => {
      const { rq, redis } = sides;
      const job = await cleanedAfterDeath('killed');
      expect((await job.fetch()).status).toBe('failed');
      expect(await redis.zrange('rq:failed:killed', 0, '-1')).toEqual([job.id]);
      expect(await redis.xlen(`rq:results:${job.id}`)).toBe(1);
      await expect(job.result({ timeoutMs: 1_000 })).rejects.toThrow(abandoned);
      expect(await rq.failedQueue.ids()).toEqual([job.id]);
      await rq.failedQueue.requeue(job.id);
      expect(await redis.exists('rq:failed:killed')).toBe(0);
      await job.delete();
    });

    it('26: Python retries what a killed Node worker left, and Node runs it again', async () => {
      const { rq, python } = sides;
      const queue = rq.queue('retried');
      const worker = await nodeProcess('retried', 30_000);
      const id = await python.run<string>(
        "return queue('retried').enqueue('both.hang', retry=Retry(max=1)).id",
      );
      const hang = await queue.enqueueWith(
        { retry: { max: 1 }, jobId: `${id}-n`, atFront: true },
        'nodejobs.hang',
        60_000,
      );
      await until('it runs', async () => (await hang.fetch()).status === 'started');
      worker.kill('SIGKILL');
      await gone(worker);
      for (const member of await sides.redis.zrange('rq:wip:retried', 0, '-1')) {
        await sides.redis.zadd('rq:wip:retried', 'XX', 1, member);
      }
      await python.run(count, { name: 'retried' });
      expect(await hang.fetch()).toMatchObject({ status: 'queued', retriesLeft: 0 });
      const ids = await queue.ids();
      expect(ids.filter((each) => each === hang.id)).toHaveLength(1);
      await hang.delete();
      await sides.burst('retried', { isolation: 'inline' });
      expect(await queue.job(id).result({ timeoutMs: 2_000 })).toBe('node brought it to an end');
    });

    it('refuses the outcome of a job that Python took away meanwhile', async () => {
      const { rq, redis, python } = sides;
      const verdicts: string[] = [];
      await sides.boot({
        queues: ['late'],
        isolation: 'inline',
        on: { onSettled: ({ verdict }) => verdicts.push(verdict) },
      });
      const job = await rq.queue('late').enqueueWith({ results: 'stream' }, 'nodejobs.hang', 1_000);
      await started('late');
      await age('late');
      expect(await python.run(count, { name: 'late' })).toBe(0);
      await until('the handler ended', () => verdicts.length > 0);
      expect(verdicts).toEqual(['lost']);
      expect((await job.fetch()).status).toBe('failed');
      expect(await redis.xlen(`rq:results:${job.id}`)).toBe(1);
      expect(await redis.exists('rq:finished:late')).toBe(0);
      await expect(job.result({ timeoutMs: 1_000 })).rejects.toThrow(abandoned);
    });
  }

  const killedPython = async (queue: string, options: string) => {
    const { redis, python, url } = sides;
    const pidKey = `pid-of-${queue}`;
    const id = await python.run<string>(
      `return queue(name).enqueue('both.hang', pid_key${options}).id`,
      { name: queue, pid_key: pidKey },
    );
    const serializer = 'rq.serializers.JSONSerializer';
    const args = ['-m', 'rq.cli', 'worker', queue, '-S', serializer, '--burst'];
    const worker = startPython(version, args, pythonEnvironment(url));
    const horse = await until('its horse runs', () => redis.get(pidKey));
    worker.child.kill('SIGKILL');
    process.kill(Number(horse), 'SIGKILL');
    await gone(worker.child);
    return id;
  };

  it('mends leases that nobody can read, so that Python cleans the others again', async () => {
    const { rq, redis, python } = sides;
    const queue = rq.queue('odd');
    const parked = await queue.enqueue('nodejobs.hang', 1);
    const wrong: Array<[number | string, string | Buffer]> = [
      [1, 'two:colons:here'],
      [1, Buffer.from([0xff, 0xfe, 0x3a, 0x80])],
      [-1, `${parked.id}:before-all-time`],
      ['+inf', 'for-ever:execution'],
      [Date.now(), 'in:milliseconds'],
      [1, 'bare'],
    ];
    for (const [score, member] of wrong) await redis.zadd('rq:wip:odd', score, member);
    const quick = { intervalMs: 300, graceMs: 300 };
    await audit(redis, rq.wire, { ...quick, repair: true });
    expect(await redis.zrange('rq:wip:odd', '0', '-1')).toEqual([]);
    expect((await audit(redis, rq.wire, quick)).findings).toEqual([]);
    expect(await queue.ids()).toEqual([parked.id]);
    expect(await python.run(count, { name: 'odd' })).toBe(0);
    await queue.empty();
  });

  it('is harmed by nobody who looks all the time', async () => {
    const { rq, python } = sides;
    const queue = rq.queue('seen');
    const options = { isolation: 'inline' as const, concurrency: 4 };
    // So narrow that a lease which somebody took for over would be taken away.
    const wire = { narrowLeaseMs: 1_000, wideLeaseSeconds: 2 };
    await sides.boot({ queues: ['seen'], ...options, wire });
    const jobs = await queue.enqueueMany(
      Array.from({ length: 40 }, () => ({ name: 'nodejobs.hang', args: [250] })),
    );
    const look = python.run<number>(`
import time
looks, end = 0, time.time() + 2.5
while time.time() < end:
    q = queue('seen')
    for registry in (q.started_job_registry, q.finished_job_registry, q.failed_job_registry,
                     q.deferred_job_registry, q.scheduled_job_registry):
        registry.count
        registry.get_job_ids()
    Worker.all(connection=r)
    q.get_jobs(0, 10)
    looks += 1
return looks`);
    for (const job of jobs) expect(await job.result({ timeoutMs: 15_000 })).toBe('hung on');
    expect(await look).toBeGreaterThan(20);
    expect(await queue.counts()).toMatchObject({ finished: 40, failed: 0, started: 0, queued: 0 });
    const records = await rq.fetchMany(jobs.map(({ id }) => id));
    expect(records.filter((record) => record?.recoveries)).toEqual([]);
  });

  it('brings back what a killed Python worker left, once its lease is over', async () => {
    const { rq, redis, python } = sides;
    const id = await killedPython('orphans', '');
    const job = rq.queue('orphans').job(id);
    const { member } = await wip('orphans');
    // 1.x knows no executions: the member is the bare id.
    expect(member.includes(':')).toBe(version === '2.12');
    const options = { isolation: 'inline' as const, wire: { narrowLeaseMs: 900 } };
    await sides.boot({ queues: ['orphans'], ...options });
    expect((await job.fetch()).status).toBe('started');
    await age('orphans');
    expect(await job.result({ timeoutMs: 10_000 })).toBe('node brought it to an end');
    expect(await job.fetch()).toMatchObject({ recoveries: 1, status: 'finished' });
    expect(await python.run('return fetch(id).return_value()', { id })).toBe(
      'node brought it to an end',
    );
    expect(await redis.keys('rq:execution*:orphans*')).toEqual([]);
  });

  if (version === '2.12') {
    it('waits for a Python worker that takes long to start its horse', async () => {
      const { rq, redis, python } = sides;
      // It has popped the job and taken a lease; the process that runs the job is not there yet.
      const id = await python.run<string>(`
job = queue('slow-start').enqueue('both.side')
r.lmove('rq:queue:slow-start', 'rq:queue:slow-start:intermediate', 'LEFT', 'RIGHT')
worker = Worker([queue('slow-start')], connection=r, serializer=JSONSerializer)
worker.register_birth()
worker.prepare_execution(job)
return job.id`);
      const options = { isolation: 'inline' as const, wire: { narrowLeaseMs: 400 } };
      await sides.boot({ queues: ['slow-start'], ...options });
      // Its janitor looks many times while this one runs.
      const busy = await rq.queue('slow-start').enqueue('nodejobs.hang', 1_500);
      expect(await busy.result({ timeoutMs: 10_000 })).toBe('hung on');
      expect((await rq.queue('slow-start').job(id).fetch()).status).toBe('queued');
      expect(await redis.lrange('rq:queue:slow-start:intermediate', 0, -1)).toEqual([id]);
      // It never came: its lease is over, and the job is Node's.
      await age('slow-start');
      expect(await rq.queue('slow-start').job(id).result({ timeoutMs: 10_000 })).toBe('node');
    });
  }

  it('fails what a killed Python worker left when it may not run again', async () => {
    const { rq, python } = sides;
    const id = await killedPython('spent', ', retry=Retry(max=1)');
    await sides.redis.hset(`rq:job:${id}`, 'retries_left', 0);
    const options = { isolation: 'inline' as const, wire: { narrowLeaseMs: 900 } };
    await sides.boot({ queues: ['spent'], ...options });
    await age('spent');
    await expect(rq.queue('spent').job(id).result({ timeoutMs: 10_000 })).rejects.toThrow(
      abandoned,
    );
    expect(await python.run("return counts('spent')")).toMatchObject({ started: 0, failed: 1 });
    expect(await python.run('return fetch(id).exc_info', { id })).toMatch(abandoned);
    expect(await rq.failedQueue.ids()).toContain(id);
  });
});
