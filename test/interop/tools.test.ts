import { hostname } from 'node:os';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { cleanQueue } from '../../src/redis/maintenance.js';
import { describeWithPython, startPython } from '../support/python.js';
import { until } from '../support/until.js';
import { pythonEnvironment } from './python-hand.js';
import { TwoSides } from './two-sides.js';

const jsonOption = { '2.12': 'json', '1.16': 'rq.serializers.JSONSerializer' } as const;

describeWithPython("Python's tools beside Node workers", ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  const info = (...args: string[]) =>
    sides.python.run<string>("return cli('info', *args)", { args });

  it('38: `rq info` shows the queues and the worker, with its counts', async () => {
    const { rq, python, url } = sides;
    const worker = await sides.boot({ queues: ['a', 'b'], name: 'the-node-one' });
    const started = startPython(version, ['-m', 'rq.cli', 'info', '--raw'], pythonEnvironment(url));
    await Promise.all(
      [rq.queue('a').enqueue('nodejobs.add', 1), rq.queue('b').enqueue('nodejobs.add', 2)].map(
        async (job) => (await job).result({ timeoutMs: 10_000 }),
      ),
    );
    const failing = await rq.queue('b').enqueue('nodejobs.fail', 'no');
    await expect(failing.result({ timeoutMs: 10_000 })).rejects.toThrow(/no/);
    // The command itself, once; elsewhere its code is called without a process of its own.
    await until('rq info ended', () => started.child.exitCode !== null);
    expect(started.output()).toContain(`worker the-node-one (${hostname()}`);

    const raw = await until('the worker is idle', async () => {
      const text = await info('--raw');
      return text.includes(' idle ') && text;
    });
    expect(raw).toMatch(/^queue a 0/m);
    expect(raw).toMatch(/^queue b 0/m);
    const address = await sides.redis.hget('rq:worker:the-node-one', 'ip_address');
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    const line = `worker the-node-one (${hostname()} ${address} ${process.pid}) idle a, b.`;
    expect(raw).toContain(`${line} jobs: 2 finished, 1 failed`);
    expect(await info('-R')).toMatch(/a:\s+the-node-one/);

    const listed = await python.run(`
[w] = Worker.all(connection=r)
return {
    'name': w.name, 'host': w.hostname, 'pid': w.pid, 'state': str(w.get_state()),
    'queues': w.queue_names(), 'counts': [w.successful_job_count, w.failed_job_count],
    'of a': Worker.count(queue=queue('a')), 'of none': Worker.count(queue=queue('none')),
    'worked': w.total_working_time >= 0, 'born': w.birth_date is not None,
    'current': w.get_current_job_id(),
}`);
    expect(listed).toEqual({
      name: 'the-node-one',
      host: hostname(),
      pid: process.pid,
      state: 'idle',
      queues: ['a', 'b'],
      counts: [2, 1],
      'of a': 1,
      'of none': 0,
      worked: true,
      born: true,
      current: null,
    });

    await failing.delete();
    const hanging = await rq.queue('a').enqueue('nodejobs.hang', 60_000);
    await until('the worker is busy', async () => (await info('--raw')).includes(' busy '));
    await hanging.delete();
    await worker.stop({ graceMs: 0 });
    expect(await info('--raw')).not.toContain('the-node-one');
  });

  it('39: refuses a name that lives on the other side', async () => {
    const { python } = sides;
    await sides.boot({ queues: ['names'], name: 'only-one' });
    await expect(sides.boot({ queues: ['names'], name: 'only-one' })).rejects.toThrow(/only-one/);
    const refusal = await python.run(`
worker = Worker([queue('names')], name='only-one', connection=r)
try:
    worker.register_birth()
except ValueError as error:
    return str(error)`);
    expect(refusal).toMatch(/only-one/);
    await python.run(
      "Worker([queue('names')], name='the-python-one', connection=r).register_birth()",
    );
    const taken = sides.boot({ queues: ['names'], name: 'the-python-one' });
    await expect(taken).rejects.toThrow(/the-python-one/);
  });

  it('39: takes over a name that says it died', async () => {
    await sides.python.run(`
worker = Worker([queue('names')], name='the-late-one', connection=r)
worker.register_birth()
worker.register_death()`);
    const worker = await sides.boot({ queues: ['names'], name: 'the-late-one' });
    expect(worker.name).toBe('the-late-one');
  });

  it.each([
    ['40: `rq requeue` with -S json', ['-S', jsonOption[version]]],
    ['41: `rq requeue` without -S, which damages meta', []],
  ])('%s: the job runs again on Node', async (_, options) => {
    const { rq, redis, python } = sides;
    const queue = rq.queue(`requeued-${options.length}`);
    const meta = { precious: ['é', 1] };
    const ours = await queue.enqueueWith({ meta }, 'nodejobs.flaky', 2);
    const theirs = rq.queue(queue.name).job(
      await python.run<string>("return queue(name).enqueue('nodejobs.flaky', 2, meta=meta).id", {
        name: queue.name,
        meta,
      }),
    );
    await sides.burst(queue.name);
    for (const job of [ours, theirs]) expect((await job.fetch()).status).toBe('failed');
    expect(await rq.failedQueue.ids()).toEqual([ours.id, theirs.id]);

    const args = ['--queue', queue.name, ...options, ours.id, theirs.id];
    const output = await python.run<string>("return cli('requeue', *args)", { args });
    expect(output).toContain('Requeueing 2 jobs');
    expect(output).not.toContain('Unable');
    const hash = await redis.hgetallBuffer(`rq:job:${ours.id}`);
    expect(hash.started_at?.toString()).toBe('');
    expect(hash.exc_info?.toString('hex')).toBe('789c030000000001');
    // 0x80 opens a pickle: the meta is now {'unserialized': …}, whoever enqueued the job.
    expect(hash.meta?.[0] === 0x80).toBe(options.length === 0);
    for (const job of [ours, theirs]) expect((await job.fetch()).meta).toEqual(meta);
    // The list of the FailedQueue still has both; what counts is the status.
    expect(await redis.llen('rq:queue:failed')).toBe(2);
    expect(await rq.failedQueue.ids()).toEqual([]);

    await sides.burst(queue.name);
    for (const job of [ours, theirs]) expect(await job.result({ timeoutMs: 5_000 })).toBe(2);
    expect(await queue.counts()).toMatchObject({ queued: 0, started: 0, finished: 2, failed: 0 });
    // Python has saved our job with all of its fields, so its result now lies where Python looks.
    const values = 'return [fetch(id).return_value() for id in ids]';
    expect(await python.run(values, { ids: [ours.id, theirs.id] })).toEqual([2, 2]);
    await cleanQueue(redis, queue.name);
    expect(await redis.llen('rq:queue:failed')).toBe(0);
  });

  it('41: hands a handler the meta that was damaged, and saves it whole', async () => {
    const { rq, python } = sides;
    const queue = rq.queue('damaged');
    const job = await queue.enqueueWith({ meta: { from: 'node' } }, 'nodejobs.look');
    const marked = await queue.enqueueWith({ meta: { from: 'node' } }, 'nodejobs.mark', 'more');
    // Any save by a process with the default serializer does it; three of them wrap it three times.
    await python.run("for id in ids * 3: fetch(id, 'pickle').save()", { ids: [job.id, marked.id] });
    await sides.burst(queue.name);
    expect(await job.result({ timeoutMs: 5_000 })).toMatchObject({ meta: { from: 'node' } });
    const meta = { from: 'node', more: [true, 'é'] };
    expect(await python.run('return fetch(id).get_meta()', { id: marked.id })).toEqual(meta);
  });

  it('keeps what is ours when Python saves, looks and cleans', async () => {
    const { rq, redis, python } = sides;
    const queue = rq.queue('kept');
    const failed = await queue.enqueue('nodejobs.fail', 'x');
    const finished = await queue.enqueue('nodejobs.add', 1);
    const waiting = await queue.enqueue('pyjobs.add', 1);
    await sides.burst(queue.name, { maxJobs: 2 });
    const ours = ['x_attempt', 'x_note', 'x_recoveries'] as const;
    await redis.hset(`rq:job:${failed.id}`, 'x_note', 'kept', 'x_recoveries', '0');
    const before = await Promise.all([
      redis.hmget(`rq:job:${failed.id}`, ...ours),
      redis.lrange('rq:queue:failed', 0, -1),
      redis.xrange('rxrq:events:kept', '-', '+'),
      redis.zrange('rxrq:leases:kept', '0', '-1', 'WITHSCORES'),
      redis.hgetall(`rq:job:${finished.id}`),
    ]);
    expect(before[1]).toContain(failed.id);

    const queues = await python.run<string[]>(
      `
for id in ids:
    fetch(id).save()
worker = Worker([queue('kept')], connection=r, serializer=JSONSerializer)
worker.run_maintenance_tasks()
worker.clean_registries()
counts('kept')
cli('info')
return [q.name for q in Queue.all(connection=r)]`,
      { ids: [failed.id, waiting.id] },
    );
    // A queue that modern tools saw would invite a worker to work it off.
    expect(queues).not.toContain('failed');
    expect(await redis.sismember('rq:queues', 'rq:queue:failed')).toBe(0);
    const after = await Promise.all([
      redis.hmget(`rq:job:${failed.id}`, ...ours),
      redis.lrange('rq:queue:failed', 0, -1),
      redis.xrange('rxrq:events:kept', '-', '+'),
      redis.zrange('rxrq:leases:kept', '0', '-1', 'WITHSCORES'),
      redis.hgetall(`rq:job:${finished.id}`),
    ]);
    expect(after).toEqual(before);
    expect(await queue.ids()).toEqual([waiting.id]);
    expect(await redis.exists('rq:clean_registries:kept')).toBe(0);
    await failed.delete();
    await waiting.delete();
  });

  it('50: one cleaner at a time', async () => {
    const { redis, python } = sides;
    const expired = Math.floor(Date.now() / 1_000) - 10;
    await redis.zadd('rq:finished:locked', expired, 'gone');
    const clean = "Worker([queue('locked')], connection=r).clean_registries()";
    await redis.set('rq:clean_registries:locked', '1', 'EX', 899);
    await python.run(clean);
    expect(await cleanQueue(redis, 'locked')).toBe(false);
    expect(await redis.zcard('rq:finished:locked')).toBe(1);
    await redis.del('rq:clean_registries:locked');
    await python.run(clean);
    expect(await redis.zcard('rq:finished:locked')).toBe(0);
    await redis.zadd('rq:finished:locked', expired, 'gone');
    expect(await cleanQueue(redis, 'locked')).toBe(true);
    expect(await redis.zcard('rq:finished:locked')).toBe(0);
    expect(await redis.exists('rq:clean_registries:locked')).toBe(0);
  });

  it('brings back an id that a dead worker left in flight, before Python fails it', async () => {
    const { redis, python, rq } = sides;
    const id = await python.run<string>("return queue('flight').enqueue('nodejobs.add', 7).id");
    await redis.lmove('rq:queue:flight', 'rq:queue:flight:intermediate', 'LEFT', 'RIGHT');
    const maintain = "Worker([queue('flight')], connection=r).clean_registries()";
    await python.run(maintain);
    const firstSeen = `rq:queue:flight:intermediate:first_seen:${id}`;
    expect(await redis.exists(firstSeen)).toBe(1);
    await sides.boot({ queues: ['flight'], isolation: 'inline', wire: { narrowLeaseMs: 900 } });
    expect(await rq.queue('flight').job(id).result({ timeoutMs: 10_000 })).toBe(7);
    expect(await redis.exists(firstSeen, 'rq:queue:flight:intermediate')).toBe(0);
    await python.run(maintain);
    expect(await rq.queue('flight').counts()).toMatchObject({ queued: 0, finished: 1, failed: 0 });
  });

  it('42: an emptied or deleted queue leaves nothing that a Node worker would stumble over', async () => {
    const { python, rq } = sides;
    const queue = rq.queue('emptied');
    const job = await queue.enqueue('nodejobs.add', 1);
    await queue.enqueue('nodejobs.add', 2);
    await python.run("queue('emptied').empty()");
    expect(await queue.length()).toBe(0);
    await expect(job.result({ timeoutMs: 2_000 })).rejects.toThrow(/not in Redis any more/);
    await queue.enqueue('nodejobs.add', 3);
    await python.run("queue('emptied').delete(delete_jobs=False)");
    expect(await rq.queueNames()).not.toContain('emptied');
    const next = await queue.enqueue('nodejobs.add', 4);
    await sides.burst('emptied', { isolation: 'inline' });
    expect(await next.result({ timeoutMs: 5_000 })).toBe(4);
    expect(await rq.queueNames()).toContain('emptied');
  });
});
