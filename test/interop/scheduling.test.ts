import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { lastValueFrom, toArray } from 'rxjs';
import { endWithUs } from '../../scripts/guard.mjs';
import { DuplicateJobError, type EventOf } from '../../src/index.js';
import { releaseLocks, tick } from '../../src/redis/transitions/tick.js';
import { describeWithPython, type RunningPython, startPython } from '../support/python.js';
import { until } from '../support/until.js';
import { pythonEnvironment } from './python-hand.js';
import { TwoSides } from './two-sides.js';

const soon = { timeoutMs: 15_000 };
const minute = 60_000;

describeWithPython('scheduled jobs', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  let killed: ChildProcess | undefined;
  let planning: RunningPython | undefined;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(async () => {
    killed?.kill('SIGKILL');
    planning?.child.kill('SIGKILL');
    await sides.stopWorkers();
  });
  afterAll(() => sides?.part());

  const look = (queue: string, name = '4242') =>
    tick(sides.redis, name, [queue], true, sides.rq.wire);
  /** As if its time had come. */
  const makeDue = (queue: string, ...ids: string[]) =>
    Promise.all(ids.map((id, n) => sides.redis.zadd(`rq:scheduled:${queue}`, 1_000 + n, id)));
  const waiting = (queue: string) => sides.redis.lrange(`rq:queue:${queue}`, 0, -1);
  const planned = (queue: string) => sides.redis.zrange(`rq:scheduled:${queue}`, '0', '-1');
  const lockOf = (queue: string) => sides.redis.get(`rq:scheduler-lock:${queue}`);
  const spawnNode = (fixture: string, ...args: string[]): ChildProcess => {
    const path = fileURLToPath(new URL(`fixtures/${fixture}`, import.meta.url));
    const child = spawn(process.execPath, [path, ...args], {
      env: { ...process.env, REDIS_URL: sides.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.once('exit', endWithUs(child.pid as number));
    return child;
  };

  it('both sides list the same jobs as scheduled, with the same times, and as due', async () => {
    const queue = sides.rq.queue('listed');
    const { scheduled } = queue.registries;
    const at = new Date('2041-01-31T08:00:00.000Z');
    const ours = await queue.enqueueAt(at, 'pyjobs.add', 1);
    const theirs = await sides.python.run<string>(
      `
from datetime import datetime, timezone
return queue('listed').enqueue_at(datetime(2042, 1, 31, tzinfo=timezone.utc), 'pyjobs.add', 2).id`,
    );
    const python = () =>
      sides.python.run(
        `
from rq.registry import ScheduledJobRegistry
registry = ScheduledJobRegistry(queue=queue('listed'))
return {
    'all': [[id, registry.get_scheduled_time(id).timestamp() * 1000] for id in registry.get_job_ids()],
    'due': registry.get_jobs_to_schedule(),
    'by': registry.get_jobs_to_schedule(by), 'one': registry.get_jobs_to_schedule(by, chunk_size=1),
}`,
        { by: at.getTime() / 1_000 + 1e9 },
      );
    const by = new Date(at.getTime() + 1e12);
    const idsOf = async (entries: ReturnType<typeof scheduled.entries>) =>
      (await entries).map(({ jobId }) => jobId);
    const node = async () => ({
      all: (await scheduled.entries()).map(({ jobId, at: due }) => [jobId, due?.getTime()]),
      due: await idsOf(scheduled.due()),
      by: await idsOf(scheduled.due({ until: by })),
      one: await idsOf(scheduled.due({ until: by, count: 1 })),
    });
    expect(await node()).toMatchObject({ by: [ours.id, theirs], due: [] });
    expect(await python()).toEqual(await node());
    await scheduled.schedule(theirs, at);
    await makeDue('listed', ours.id);
    expect(await node()).toMatchObject({ due: [ours.id] });
    expect(await python()).toEqual(await node());
  });

  it.each(['json', 'pickle'] as const)(
    'Python sees, moves and runs what Node scheduled (%s)',
    async (serializer) => {
      const queue = sides.rq.queue(`planned-${serializer}`);
      const at = new Date(Math.floor(Date.now() / 1_000) * 1_000 + 3_600_250);
      const options = { serializer, results: 'stream' } as const;
      const job = await queue.enqueueWith({ ...options, at, ttl: '5m' }, 'pyjobs.add', 2, 3);
      const front = await queue.enqueueWith(
        { ...options, in: '1h', atFront: true },
        'pyjobs.add',
        1,
      );
      const seen = await sides.python.run(
        `
from rq.registry import ScheduledJobRegistry
registry = ScheduledJobRegistry(queue=queue(name, s))
job = fetch(id, s)
return {
    'ids': sorted(registry.get_job_ids()),
    'at': registry.get_scheduled_time(id).timestamp(),
    'status': str(getattr(job.get_status(), 'value', job.get_status())),
    'is_scheduled': job.is_scheduled, 'enqueued_at': job.enqueued_at, 'ttl': r.ttl(job.key),
}`,
        { name: queue.name, id: job.id, s: serializer },
      );
      expect(seen).toEqual({
        ids: [job.id, front.id].sort(),
        at: at.getTime() / 1_000,
        status: 'scheduled',
        is_scheduled: true,
        enqueued_at: null,
        ttl: -1,
      });
      await makeDue(queue.name, job.id, front.id);
      const queued = await sides.python.run(
        `
from rq.scheduler import RQScheduler
scheduler = RQScheduler([name], connection=r, serializer=serializer_of(s))
scheduler.acquire_locks()
scheduler.enqueue_scheduled_jobs()
scheduler.release_locks()
return {'ids': queue(name, s).job_ids, 'ttl': r.ttl('rq:job:' + id), 'left': r.zcard('rq:scheduled:' + name)}`,
        { name: queue.name, id: job.id, s: serializer },
      );
      expect(queued).toEqual({ ids: [front.id, job.id], ttl: expect.any(Number), left: 0 });
      // Its time to live began when it was queued.
      expect((queued as { ttl: number }).ttl).toBeGreaterThan(290);
      await sides.python.run('work(name, s)', { name: queue.name, s: serializer });
      expect(await job.result(soon)).toBe(5);
    },
  );

  it.each(['json', 'pickle'])('Node moves and runs what Python scheduled (%s)', async (s) => {
    const name = `foreseen-${s}`;
    const ids = await sides.python.run<string[]>(
      `
from datetime import datetime, timedelta, timezone
q = queue(name, s)
past = datetime.now(timezone.utc) - timedelta(seconds=5)
return [
    q.enqueue_at(past, 'nodejobs.add', 2, 3).id,
    q.enqueue_at(past + timedelta(seconds=1), 'nodejobs.add', 4, ttl=300).id,
    q.enqueue_at(past + timedelta(seconds=2), 'nodejobs.add', 1, at_front=True).id,
    q.enqueue_in(timedelta(hours=1), 'nodejobs.add', 9).id,
]`,
      { name, s },
    );
    await sides.redis.expire(`rq:job:${ids[1]}`, 20);
    expect(await look(name)).toMatchObject({ moved: 3, held: 1, faults: [] });
    await releaseLocks(sides.redis, '4242', [name]);
    expect(await waiting(name)).toEqual([ids[2], ids[0], ids[1]]);
    expect(await planned(name)).toEqual([ids[3]]);
    expect(await sides.redis.ttl(`rq:job:${ids[1]}`)).toBeGreaterThan(290);
    await sides.burst(name, { isolation: 'inline' });
    const values = await sides.python.run('return [fetch(id, s).return_value() for id in ids]', {
      ids: ids.slice(0, 3),
      s,
    });
    expect(values).toEqual([5, 4, 1]);
  });

  it('a Node worker runs what either side scheduled, when it is due', async () => {
    const queue = sides.rq.queue('alive');
    await sides.boot({ queues: ['alive'], isolation: 'inline' });
    const ours = await queue.enqueueWith({ inMs: 300 }, 'nodejobs.add', 2, 3);
    const theirs = await sides.python.run<string>(`
from datetime import timedelta
return queue('alive').enqueue_in(timedelta(seconds=1), 'nodejobs.add', 40, 2).id`);
    expect(await ours.result(soon)).toBe(5);
    expect(await queue.job(theirs).result(soon)).toBe(42);
    const story = await lastValueFrom(ours.events$.pipe(toArray()));
    const [scheduled, enqueued] = story;
    expect(story.map(({ kind }) => kind)).toEqual(['scheduled', 'enqueued', 'started', 'finished']);
    expect(enqueued?.at).toBeGreaterThanOrEqual((scheduled as EventOf<'scheduled'>).dueAt);
  });

  it('14: a retry with a pause simply works, without a scheduler of its own', async () => {
    const id = await sides.python.run<string>(
      "return queue('again').enqueue('nodejobs.flaky', 2, retry=Retry(max=1, interval=1)).id",
    );
    await sides.boot({ queues: ['again'], isolation: 'inline' });
    expect(await sides.rq.queue('again').job(id).result(soon)).toBe(2);
  });

  it('48: Python reads who schedules from the lock that Node holds', async () => {
    const worker = await sides.boot({ queues: ['locked'], isolation: 'inline' });
    const name = await until('the lock is held', () => lockOf('locked'));
    const pid = await sides.python.run("return queue('locked').scheduler_pid");
    if (version === '2.12') {
      expect(pid).toBe(process.pid);
      const told = await sides.python.run(
        `
from rq.scheduler import RQScheduler
s = RQScheduler.fetch(name, connection=r)
return [s.pid, sorted(s._queue_names), s.hostname != '', (rq.utils.now() - s.last_heartbeat).total_seconds() < 10]`,
        { name },
      );
      expect(told).toEqual([process.pid, ['locked'], true, true]);
    } else {
      expect(String(pid)).toMatch(new RegExp(`^${process.pid}\\d+`));
    }
    await worker.stop();
    expect(await sides.python.run("return queue('locked').scheduler_pid")).toBeNull();
    expect(await sides.redis.exists(`rq:scheduler:${name}`)).toBe(0);
  });

  it('44: respects the lock of a Python scheduler, and takes over once it is dead', async () => {
    const queue = sides.rq.queue('theirs');
    planning = startPython(
      version,
      [
        '-c',
        `
import logging, os, redis
from rq.scheduler import RQScheduler
r = redis.Redis.from_url(os.environ['REDIS_URL'])
s = RQScheduler(['theirs'], connection=r, logging_level=logging.CRITICAL)
s.work()`,
      ],
      pythonEnvironment(sides.url),
    );
    const owner = await until('Python holds the lock', () => lockOf('theirs'));
    const job = await queue.enqueueWith({ inMs: minute }, 'nodejobs.add', 2, 3);
    planning.child.kill('SIGSTOP');
    await makeDue('theirs', job.id);
    expect(await look('theirs')).toMatchObject({ moved: 0, held: 0 });
    expect(await lockOf('theirs')).toBe(owner);
    planning.child.kill('SIGKILL');
    await once(planning.child, 'exit');
    const leftMs = await sides.redis.pttl('rq:scheduler-lock:theirs');
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(61_000);
    expect(await look('theirs')).toMatchObject({ moved: 0, held: 0 });
    await sides.redis.pexpire('rq:scheduler-lock:theirs', 1);
    await until('the lock is gone', async () => (await lockOf('theirs')) === null);
    expect(await look('theirs')).toMatchObject({ moved: 1, held: 1 });
    expect(await lockOf('theirs')).toBe('4242');
  });

  it('44: is respected by a Python scheduler, which takes over once Node is dead', async () => {
    const name = 'ours';
    killed = spawnNode('worker.js', name, '30000');
    const owner = await until('Node holds the lock', () => lockOf(name));
    const python = (code: string) =>
      sides.python.run<unknown>(
        `
from rq.scheduler import RQScheduler
s = RQScheduler([name], connection=r, serializer=serializer_of('json'), logging_level=logging.CRITICAL)
${code}`,
        { name },
      );
    expect(await python('return list(s.acquire_locks())')).toEqual([]);
    expect(await lockOf(name)).toBe(owner);
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    const job = await sides.rq.queue(name).enqueueWith({ inMs: minute }, 'pyjobs.add', 1);
    await makeDue(name, job.id);
    expect(await sides.redis.pttl(`rq:scheduler-lock:${name}`)).toBeLessThanOrEqual(61_000);
    expect(await python('return list(s.acquire_locks())')).toEqual([]);
    await sides.redis.del(`rq:scheduler-lock:${name}`);
    const moved = `
locks = list(s.acquire_locks())
s.enqueue_scheduled_jobs()
s.release_locks()
return [locks, queue(name).job_ids]`;
    expect(await python(moved)).toEqual([[name], [job.id]]);
  });

  it('45: with overlapping schedulers Node moves a job once, and drops what Python doubled', async () => {
    const name = 'overlap';
    const queue = sides.rq.queue(name);
    const jobs = await queue.enqueueMany(
      Array.from({ length: 5 }, (_, n) => ({
        name: 'nodejobs.add',
        args: [n],
        options: { inMs: minute, results: 'stream' as const },
      })),
    );
    const ids = jobs.map(({ id }) => id);
    await makeDue(name, ...ids);
    // Python has read which jobs are due, and not yet moved them.
    const overlapped = sides.python.run(
      `
from rq.scheduler import RQScheduler
s = RQScheduler([name], connection=r, serializer=serializer_of('json'), logging_level=logging.CRITICAL)
fetch_many = Job.fetch_many
def slowly(*args, **kwargs):
    found = fetch_many(*args, **kwargs)
    r.rpush('test:read', 1)
    r.blpop('test:go', 10)
    return found
Job.fetch_many = slowly
try:
    s.acquire_locks()
    s.enqueue_scheduled_jobs()
finally:
    Job.fetch_many = fetch_many
return queue(name).count`,
      { name },
    );
    await until('Python has read', () => sides.redis.lpop('test:read'));
    expect(await look(name)).toMatchObject({ moved: 0, held: 0 });
    await sides.redis.del(`rq:scheduler-lock:${name}`);
    expect(await look(name)).toMatchObject({ moved: 5 });
    expect(await waiting(name)).toEqual(ids);
    await sides.redis.rpush('test:go', 1);
    expect(await overlapped).toBe(10);
    expect(await look(name)).toMatchObject({ moved: 0 });
    await sides.burst(name, { isolation: 'inline', scheduler: false });
    const entries = await Promise.all(ids.map((id) => sides.redis.xlen(`rq:results:${id}`)));
    expect(entries).toEqual([1, 1, 1, 1, 1]);
    expect(await queue.counts()).toMatchObject({ queued: 0, started: 0, finished: 5 });
  });

  it('18: a producer killed while it schedules leaves no entry without a hash, and none is lost', async () => {
    const name = 'cut-off';
    for (let round = 0; round < 4; round += 1) {
      killed = spawnNode('planner.js', name);
      const before = await sides.redis.zcard(`rq:scheduled:${name}`);
      await until('it schedules', async () => {
        const count = await sides.redis.zcard(`rq:scheduled:${name}`);
        return count > before + 20 * round;
      });
      killed.kill('SIGKILL');
      await once(killed, 'exit');
    }
    const ids = await planned(name);
    const hashes = await Promise.all(ids.map((id) => sides.redis.hget(`rq:job:${id}`, 'status')));
    expect(new Set(hashes)).toEqual(new Set(['scheduled']));
    // Python's scheduler enqueues each of them, once.
    await makeDue(name, ...ids);
    const moved = await sides.python.run<string[]>(
      `
from rq.scheduler import RQScheduler
s = RQScheduler([name], connection=r, serializer=serializer_of('json'), logging_level=logging.CRITICAL)
s.acquire_locks()
while r.zcard('rq:scheduled:' + name):
    s.enqueue_scheduled_jobs()
s.release_locks()
return queue(name).job_ids`,
      { name },
    );
    expect(moved.sort()).toEqual(ids.sort());
  });

  it('46: enqueues the 500 of Python that stand behind 1,000 without a hash', async () => {
    const name = 'ghosts';
    await sides.python.run(
      `
from datetime import datetime, timedelta, timezone
q = queue(name)
past = datetime.now(timezone.utc) - timedelta(seconds=5)
r.zadd('rq:scheduled:' + name, {f'ghost{n}': n for n in range(1000)})
for n in range(500):
    q.enqueue_at(past, 'nodejobs.add', n)`,
      { name },
    );
    let looks = 0;
    do looks += 1;
    while ((await look(name)).nextDueMs === 0);
    expect(looks).toBeLessThan(10);
    expect(await sides.redis.llen(`rq:queue:${name}`)).toBe(500);
    expect(await planned(name)).toEqual([]);
  });

  it('47: one hash that Python could not read stops no scheduler of Node', async () => {
    const name = 'spoiled';
    const ids = await sides.python.run<string[]>(
      `
from datetime import datetime, timedelta, timezone
past = datetime.now(timezone.utc) - timedelta(seconds=5)
return [queue(name).enqueue_at(past, 'nodejobs.add', n).id for n in range(3)]`,
      { name },
    );
    await sides.redis.hset(`rq:job:${ids[1]}`, 'status', 'napping', 'created_at', 'yesterday');
    await sides.burst(name, { isolation: 'inline' });
    expect(await sides.rq.queue(name).counts()).toMatchObject({ finished: 2, failed: 1 });
    const { status, excInfo } = await sides.rq
      .queue(name)
      .job(ids[1] as string)
      .fetch();
    expect([status, excInfo]).toEqual([
      'failed',
      'Quarantined when it was due: unknown status napping',
    ]);
  });

  it('a scheduled job that either side cancels is not run', async () => {
    const queue = sides.rq.queue('called-off');
    const [a, b] = await queue.enqueueMany(
      [1, 2].map((n) => ({ name: 'nodejobs.add', args: [n], options: { inMs: minute } })),
    );
    await sides.python.run('fetch(id).cancel()', { id: a?.id });
    await b?.cancel();
    await makeDue(queue.name, a?.id ?? '');
    await sides.burst(queue.name, { isolation: 'inline' });
    expect(await queue.counts()).toMatchObject({
      queued: 0,
      scheduled: 0,
      finished: 0,
      canceled: 2,
    });
  });

  if (version === '2.12') {
    it('20: of two unique jobs with one id, from either side, exactly one is written', async () => {
      const name = 'unique';
      const queue = sides.rq.queue(name);
      const rounds = 30;
      const theirs = sides.python.run<string[]>(
        `
from datetime import datetime, timedelta, timezone
won = []
r.rpush('test:read', 1)
for n in range(rounds):
    try:
        if n % 2:
            queue(name).enqueue('pyjobs.add', 1, job_id=f'one-{n}', unique=True)
        else:
            job = Job.create('pyjobs.add', args=(1,), id=f'one-{n}', connection=r, serializer=serializer_of('json'), origin=name)
            queue(name).schedule_job(job, datetime.now(timezone.utc) + timedelta(hours=1), unique=True)
        won.append(f'one-{n}')
    except rq.exceptions.DuplicateJobError:
        pass
return won`,
        { name, rounds },
      );
      await until('Python begins', () => sides.redis.lpop('test:read'));
      const ours: string[] = [];
      for (let n = rounds - 1; n >= 0; n -= 1) {
        const options = { jobId: `one-${n}`, unique: true, ...(n % 2 === 0 && { inMs: minute }) };
        try {
          ours.push((await queue.enqueueWith(options, 'pyjobs.add', 2)).id);
        } catch (error) {
          expect(error).toBeInstanceOf(DuplicateJobError);
        }
      }
      const all = [...(await theirs), ...ours].sort();
      expect(all).toEqual(Array.from({ length: rounds }, (_, n) => `one-${n}`).sort());
      expect([...(await waiting(name)), ...(await planned(name))].sort()).toEqual(all);
      const again = sides.python.run(
        "queue('unique').enqueue('pyjobs.add', 1, job_id='one-0', unique=True)",
      );
      await expect(again).rejects.toThrow(/DuplicateJobError/);
    });
  }
});
