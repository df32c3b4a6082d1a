import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Isolation } from '../../src/index.js';
import { endAll, Rxrq } from '../cli/support/rxrq.js';
import { describeWithPython } from '../support/python.js';
import { TwoSides } from './two-sides.js';

/** What fixtures/python-hand.py says of a job. */
interface Seen {
  status: string;
  is_finished: boolean;
  is_failed: boolean;
  value: unknown;
  type: string | null;
  exc: string | null;
  worker: string | null;
  execution: string | null;
  worker_name: string;
  started_at: string;
  ended_at: string;
  meta: Record<string, unknown>;
  func_name: string;
  results_ttl: number;
  job_ttl: number;
}

describeWithPython('Python enqueues, Node works', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(() => sides.stopWorkers());
  afterEach(endAll);
  afterAll(() => sides?.part());

  const see = (id: string, serializer = 'json') =>
    sides.python.run<Seen>('return seen(id, serializer)', { id, serializer });
  /** Enqueues with the arguments of `Queue.enqueue`, written as Python. */
  const enqueue = (name: string, call: string, serializer = 'json') =>
    sides.python.run<string>(`return queue(name, serializer).enqueue(${call}).id`, {
      name,
      serializer,
    });

  describe.each(['inline', 'pool'] as const)('in a worker of kind %s', (isolation: Isolation) => {
    it.each(['json', 'pickle'])('21: Python reads the value (%s)', async (serializer) => {
      const name = `values-${serializer}-${isolation}`;
      const ids = await sides.python.run<string[]>(
        `
q = queue(name, serializer)
one = q.enqueue('nodejobs.add', 2, 3, meta={'ü': [1, None]}, result_ttl=60, job_id='given_' + name)
many = q.enqueue_many([
    Queue.prepare_data('nodejobs.add', (i, 100), result_ttl=600) for i in range(20)
])
return [job.id for job in [one, *many]]`,
        { name, serializer },
      );
      expect(ids[0]).toBe(`given_${name}`);
      const worker = await sides.burst(name, { isolation });
      const seen = await sides.python.run<Seen[]>('return [seen(id, s) for id in ids]', {
        ids,
        s: serializer,
      });
      expect(seen.map(({ value }) => value)).toEqual([
        5,
        ...Array.from({ length: 20 }, (_, i) => i + 100),
      ]);
      expect(seen[0]).toMatchObject({
        status: 'finished',
        is_finished: true,
        type: 'SUCCESSFUL',
        exc: null,
        worker: version === '2.12' ? worker.name : null,
        worker_name: worker.name,
        meta: { ü: [1, null] },
        func_name: 'nodejobs.add',
      });
      if (version === '2.12') expect(seen[0]?.execution).toMatch(/^[0-9a-f]{32}$/);
      expect(seen[0]?.results_ttl).toBeGreaterThan(50);
      expect(seen[0]?.job_ttl).toBeGreaterThan(50);
      const counts = await sides.python.run('return counts(name)', { name });
      expect(counts).toEqual({ queued: 0, started: 0, finished: 21, failed: 0, canceled: 0 });
    });

    it.each(['json', 'pickle'])('24: Python reads why a job failed (%s)', async (serializer) => {
      const name = `failures-${serializer}-${isolation}`;
      const id = await enqueue(name, "'nodejobs.fail', 'so ünlucky', failure_ttl=70", serializer);
      const worker = await sides.burst(name, { isolation });
      const seen = await see(id, serializer);
      expect(seen).toMatchObject({
        status: 'failed',
        is_failed: true,
        value: null,
        type: 'FAILED',
        worker_name: worker.name,
      });
      expect(seen.exc).toMatch(/^TypeError: so ünlucky\n {4}at .*nodejobs\.js/);
      expect(seen.job_ttl).toBeGreaterThan(60);
      expect(seen.results_ttl).toBeGreaterThan(60);
      const listed = await sides.python.run(
        'return [len(queue(name).failed_job_registry), queue(name).failed_job_registry.get_job_ids()]',
        { name },
      );
      expect(listed).toEqual([1, [id]]);
    });
  });

  it('keeps what says nothing about it as long as --results-ttl does', async () => {
    const ids = await sides.python.run<string[]>(`
q = queue('kept')
return [q.enqueue('nodejobs.add', 1).id, q.enqueue('nodejobs.add', 2, result_ttl=900).id]`);
    const handlers = new URL('fixtures/nodejobs.js', import.meta.url).pathname;
    const args = ['worker', 'kept', '--import', handlers, '--isolation', 'inline', '--burst'];
    const run = new Rxrq([...args, '--results-ttl', '2m'], { RQ_REDIS_URL: sides.url });
    expect([await run.code, run.stderr]).toEqual([0, '']);
    const seen = await sides.python.run<Seen[]>('return [seen(id) for id in ids]', { ids });
    for (const [index, ttl] of [120, 900].entries()) {
      expect(seen[index]).toMatchObject({ status: 'finished', value: index + 1 });
      for (const left of [seen[index]?.job_ttl, seen[index]?.results_ttl]) {
        expect(left).toBeGreaterThan(ttl - 30);
        expect(left).toBeLessThanOrEqual(ttl);
      }
    }
  });

  it('7: hands over any plain value, and answers in kind', async () => {
    for (const serializer of ['json', 'pickle']) {
      const name = `plain-${serializer}`;
      const given = `None, True, 2**53 + 1, -2**70, 1.5, 'é 日 😀', [[1], {'a': {'b': None}}]`;
      const id = await enqueue(name, `'nodejobs.echo', ${given}, float('nan')`, serializer);
      const named = await enqueue(name, "'nodejobs.echo', 1, two=2, é=[3]", serializer);
      await sides.burst(name, { isolation: 'inline' });
      const equal = await sides.python.run(
        `
*values, nan = fetch(id, s).return_value()
return [values == [${given}], nan != nan, fetch(named, s).return_value()]`,
        { id, named, s: serializer },
      );
      expect(equal).toEqual([true, true, [1, { two: 2, é: [3] }]]);
    }
  });

  it('22: reads tuples, sets, bytes and dates of a pickle, or says why not', async () => {
    const tuple = await enqueue('odd', "'nodejobs.echo', (1, (2, 'x')), b'bytes', {3}", 'pickle');
    const dates = await enqueue(
      'odd',
      "'nodejobs.echo', __import__('datetime').date(2026, 1, 2)",
      'pickle',
    );
    await sides.burst('odd', { isolation: 'inline' });
    const equal = await sides.python.run(
      "value = fetch(id, 'pickle').return_value()\nreturn [value[0], value[1] == b'bytes', repr(value[2])]",
      { id: tuple },
    );
    expect(equal).toEqual([[1, [2, 'x']], true, '{3}']);
    expect(await see(dates, 'pickle')).toMatchObject({ status: 'failed', type: 'FAILED' });
  });

  it('23: no value is None', async () => {
    const id = await enqueue('nothing', "'nodejobs.nothing'");
    await sides.burst('nothing', { isolation: 'inline' });
    expect(await see(id)).toMatchObject({ status: 'finished', value: null, type: 'SUCCESSFUL' });
    const [[, fields]] = (await sides.redis.xrange(`rq:results:${id}`, '-', '+')) as [
      [string, string[]],
    ];
    expect(fields).not.toContain('return_value');
  });

  it('9: works in the order of the queue, its front first', async () => {
    const ids = await sides.python.run<string[]>(`
q = queue('order')
second = q.enqueue('nodejobs.nothing')
first = q.enqueue('nodejobs.nothing', at_front=True)
third = q.enqueue('nodejobs.nothing')
return [first.id, second.id, third.id]`);
    const settled: string[] = [];
    await sides.burst('order', {
      isolation: 'inline',
      concurrency: 1,
      on: { onSettled: ({ job }) => settled.push(job.jobId) },
    });
    expect(settled).toEqual(ids);
  });

  it('14: retries as Python says', async () => {
    const soon = await enqueue('retries', "'nodejobs.flaky', 3, retry=Retry(max=3)");
    const never = await enqueue('retries', "'nodejobs.flaky', 9, retry=Retry(max=2)");
    const later = await enqueue(
      'retries',
      "'nodejobs.flaky', 9, retry=Retry(max=2, interval=[30, 60])",
    );
    const final = await enqueue('retries', "'nodejobs.failForGood', 'no', retry=Retry(max=2)");
    await sides.burst('retries', { isolation: 'inline' });
    expect(await see(soon)).toMatchObject({ status: 'finished', value: 3 });
    expect(await see(never)).toMatchObject({ status: 'failed', type: 'FAILED' });
    expect((await see(never)).exc).toContain('attempt 3 fails');
    expect(await see(later)).toMatchObject({ status: 'scheduled', value: null });
    expect(await see(final)).toMatchObject({ status: 'failed', type: 'FAILED' });
    const left = 'return [fetch(id).retries_left for id in ids]';
    const ids = [soon, never, later, final];
    expect(await sides.python.run(left, { ids })).toEqual([1, 0, 1, 2]);
    const scheduled = await sides.python.run(
      `
registry = queue('retries').scheduled_job_registry
return [registry.get_job_ids(), (registry.get_scheduled_time(id) - rq.utils.now()).total_seconds()]`,
      { id: later },
    );
    expect(scheduled).toEqual([[later], expect.any(Number)]);
    expect(Math.abs((scheduled as [unknown, number])[1] - 30)).toBeLessThan(5);
  });

  it('16: keeps jobs as long as Python says', async () => {
    const ids = await sides.python.run<string[]>(`
q = queue('lifetimes')
return [q.enqueue(f, 'x', **o).id for f, o in [
    ('nodejobs.echo', {'result_ttl': 0}), ('nodejobs.echo', {'result_ttl': -1}),
    ('nodejobs.fail', {'failure_ttl': 0}), ('nodejobs.fail', {'failure_ttl': -1}),
    ('nodejobs.fail', {}), ('nodejobs.fail', {'failure_ttl': 50}),
]]`);
    await sides.burst('lifetimes', { isolation: 'inline' });
    const [gone, kept, failedGone, failedKept, failedYear, failedSoon] = ids as [
      string,
      ...string[],
    ];
    const { redis } = sides;
    const ttls = await Promise.all(ids.map((id) => redis.ttl(`rq:job:${id}`)));
    expect(ttls.slice(0, 4)).toEqual([-2, -1, -2, -1]);
    expect(ttls[4]).toBeGreaterThan(31_000_000);
    expect(Math.abs((ttls[5] ?? 0) - 50)).toBeLessThan(10);
    expect(await redis.zrange('rq:finished:lifetimes', 0, '-1', 'WITHSCORES')).toEqual([
      kept,
      'inf',
    ]);
    const failed = await redis.zrange('rq:failed:lifetimes', 0, '-1');
    expect(failed).toEqual([failedKept, failedSoon, failedYear]);
    expect(await redis.zscore('rq:failed:lifetimes', failedKept as string)).toBe('-1');
    const leavesIn = await sides.python.run<number[]>(
      `
import datetime
registry = queue('lifetimes').failed_job_registry
leaves = [registry.get_expiration_time(fetch(id)).replace(tzinfo=datetime.timezone.utc) for id in ids]
return [at.timestamp() - rq.utils.current_timestamp() for at in leaves]`,
      { ids: [failedSoon, failedYear] },
    );
    expect(Math.abs((leavesIn[0] ?? 0) - 50)).toBeLessThan(10);
    expect(leavesIn[1]).toBeGreaterThan(31_000_000);
    // RQ leaves the results stream of these for ever; ours goes with its job.
    const streams = await Promise.all(
      [gone, failedGone].map((id) => redis.exists(`rq:results:${id}`)),
    );
    expect(streams).toEqual([0, 0]);
    expect(await redis.ttl(`rq:results:${failedYear}`)).toBeGreaterThan(31_000_000);
  });

  it('17: reads the meta that Node saved, in its own serializer', async () => {
    for (const serializer of ['json', 'pickle']) {
      const name = `meta-${serializer}`;
      const id = await enqueue(
        name,
        "'nodejobs.mark', 'node', meta={'from': 'python'}",
        serializer,
      );
      await sides.burst(name);
      expect((await see(id, serializer)).meta).toEqual({ from: 'python', node: [true, 'é'] });
    }
  });

  it('35: reads data that was stored as it is', async () => {
    const id = await enqueue('raw', "'nodejobs.add', 20, 22");
    const data = '["nodejobs.add", null, [20, 22], {}]';
    await sides.redis.hset(`rq:job:${id}`, 'data', data);
    await sides.burst('raw', { isolation: 'inline' });
    expect(await see(id)).toMatchObject({ status: 'finished', value: 42 });
  });

  it('14: a retry that waits is moved by the scheduler of Python', async () => {
    const { python, redis, rq } = sides;
    const id = await enqueue('pauses', "'nodejobs.flaky', 2, retry=Retry(max=1, interval=60)");
    await sides.burst('pauses', { isolation: 'inline' });
    expect(await see(id)).toMatchObject({ status: 'scheduled' });
    await redis.zadd('rq:scheduled:pauses', 'XX', 1, id);
    await python.run(`
from rq.scheduler import RQScheduler
scheduler = RQScheduler(['pauses'], connection=r, serializer=JSONSerializer)
scheduler.acquire_locks()
scheduler.enqueue_scheduled_jobs()
scheduler.release_locks()`);
    expect(await redis.zcard('rq:scheduled:pauses')).toBe(0);
    await sides.burst('pauses', { isolation: 'inline' });
    expect(await rq.queue('pauses').job(id).result({ timeoutMs: 2_000 })).toBe(2);
  });

  it('34: runs no callback; it is left to Python', async () => {
    const parent = await sides.python.run<string>(`
from rq import Callback
return queue('left').enqueue('nodejobs.add', 1, on_success=Callback('pyjobs.fail')).id`);
    await sides.burst('left', { isolation: 'inline' });
    expect(await see(parent)).toMatchObject({ status: 'finished', value: 1 });
  });

  it('Node reads results that Python waits for, and the other way round', async () => {
    const { rq, python } = sides;
    const job = await rq.queue('waiting').enqueueWith({ results: 'stream' }, 'nodejobs.add', 1, 1);
    await sides.burst('waiting', { isolation: 'inline' });
    expect(await job.result({ timeoutMs: 5_000 })).toBe(2);
    const waited = 'return fetch(id).latest_result(timeout=5).return_value';
    expect(await python.run(waited, { id: job.id })).toBe(2);
    // Without `results: 'stream'` the value lies in the hash, where only RQ's older reader looks.
    const plain = await rq.queue('waiting').enqueue('nodejobs.add', 2, 2);
    await sides.burst('waiting', { isolation: 'inline' });
    const both = 'job = fetch(id)\nreturn [job.return_value(), job.result, job.is_finished]';
    expect(await python.run(both, { id: plain.id })).toEqual([null, 4, true]);
  });
});
