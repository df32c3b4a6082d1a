import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { audit } from '../../../src/redis/audit/audit.js';
import { describeWithPython, startPython } from '../../support/python.js';
import { until } from '../../support/until.js';
import { pythonEnvironment } from '../python-hand.js';
import { TwoSides } from '../two-sides.js';

const soon = { timeoutMs: 10_000 };
const inline = { isolation: 'inline' as const };
const narrow = { ...inline, wire: { narrowLeaseMs: 400 } };
const json = 'rq.serializers.JSONSerializer';

describeWithPython('where Python RQ writes a wrong state', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(async () => {
    await sides.stopWorkers();
    await sides.redis.flushdb();
  });
  afterAll(() => sides?.part());

  const field = (id: string, name: string) => sides.redis.hget(`rq:job:${id}`, name);
  const status = (id: string) => field(id, 'status');

  it('S7: a worker that runs a JSON job breaks the list of workers, a Node worker does not', async () => {
    const { rq, redis, python } = sides;
    const calls = `
return [
    w.get_current_job() and w.get_current_job().get_call_string() for w in Worker.all(connection=r)
]`;
    await python.run(`
worker = Worker([queue('seven')], connection=r, serializer=JSONSerializer)
worker.register_birth()
job = queue('seven').enqueue('both.side')
worker.set_current_job_id(job.id)`);
    await expect(python.run(calls)).rejects.toThrow(/DeserializationError/);
    await redis.flushdb();
    await sides.boot({ queues: ['seven'], ...inline });
    const job = await rq.queue('seven').enqueue('nodejobs.hang', 60_000);
    await until('it runs', async () => (await status(job.id)) === 'started');
    expect(await python.run(calls)).toEqual([null]);
    await job.delete();
  });

  it('S8: a leaked entry of a finished job: Python fails the job, Node drops the entry', async () => {
    const { redis, python } = sides;
    // A dependent that comes while its parent finishes makes Python write the end a second time.
    const [leaked, id] = await python.run<[number, string]>(`
import sharp
q = queue('eight')
job = q.enqueue('both.side')
[owner] = [c for c in Worker.__mro__ if 'increment_successful_job_count' in vars(c)]
come = lambda _: r.sadd(job.dependents_key, 'a-dependent')
with sharp.meanwhile(owner, 'increment_successful_job_count', come):
    sharp.work_here(q)
return [r.zcard('rq:wip:eight'), job.id]`);
    expect(await status(id)).toBe('finished');
    // 2.12 has forgotten its execution by then, and leaves the entry behind. 1.16 knows no executions.
    expect(leaked).toBe(version === '2.12' ? 1 : 0);

    const expire = `
import sharp
r.zadd('rq:wip:eight', {member: 1 for member in r.zrange('rq:wip:eight', 0, '-1') or [sharp.member_of(fetch(id))]})`;
    const clean = "return len(queue('eight').started_job_registry)";
    await python.run(expire, { id });
    await sides.boot({ queues: ['eight'], ...narrow });
    await until('it is gone', async () => (await redis.zcard('rq:wip:eight')) === 0);
    await python.run(clean);
    expect(await status(id)).toBe('finished');
    await sides.stopWorkers();

    await python.run(expire, { id });
    await python.run(clean);
    expect(await status(id)).toBe('failed');
  });

  it('a producer that saves a job that runs, waits or is planned: Node goes by where it stands', async () => {
    const { rq, python } = sides;
    // `save()` writes back every field as the producer has it, the status too.
    const started = await sides.boot({ queues: ['saved'], concurrency: 1, ...narrow });
    const ids = await python.run<Record<string, string>>(`
import time
from datetime import timedelta
q = queue('saved')
runs = q.enqueue('nodejobs.hang', 1_500)
while fetch(runs.id).get_status(refresh=True) != 'started': time.sleep(.01)
child = q.enqueue('nodejobs.echo', 'child', depends_on=q.enqueue('both.side', job_id='parent-of-saved'))
planned = q.enqueue_in(timedelta(milliseconds=100), 'nodejobs.echo', 'planned')
for job in (runs, child, planned):
    job.meta['progress'] = 1
    job.save()
return {'runs': runs.id, 'child': child.id, 'planned': planned.id}`);
    // Once more where it stands in the list by then.
    await python.run(
      `
import time
while not r.lrange('rq:queue:saved', 0, -1).count(id.encode()): time.sleep(.01)
from rq.job import JobStatus
job = fetch(id)
job.set_status(JobStatus.SCHEDULED)
job.save()`,
      { id: ids.planned },
    );
    for (const [name, told] of [
      ['runs', 'hung on'],
      ['child', ['child']],
      ['planned', ['planned']],
    ] as const)
      expect([
        name,
        await rq
          .queue('saved')
          .job(ids[name] as string)
          .result(soon),
      ]).toEqual([name, told]);
    expect((await started.stop()).finished).toBe(4);
  });

  it('a producer that saves a job it saw fail, when somebody has requeued it: Node goes by where it stands', async () => {
    const { rq, redis, python } = sides;
    const saved = rq.queue('saved-failed');
    const ids = await python.run<string[]>(`
import sharp
q = queue('saved-failed')
ids = [q.enqueue('both.side').id, q.enqueue('both.side').id]
sharp.lose_horse(q, 2)
for id in ids:
    seen = fetch(id)
    q.failed_job_registry.requeue(id)
    seen.meta['seen'] = True
    seen.save()
# The second one lies in flight of a worker that died.
r.lmove('rq:queue:saved-failed', 'rq:queue:saved-failed:intermediate', 'RIGHT', 'LEFT')
return ids`);
    for (const id of ids) expect(await redis.hget(`rq:job:${id}`, 'status')).toBe('failed');
    const { findings } = await audit(redis, rq.wire, { intervalMs: 50, graceMs: 100 });
    expect(findings.filter(({ jobId }) => ids.includes(jobId ?? ''))).toEqual([]);
    await sides.boot({ queues: ['saved-failed'], ...narrow });
    await until('both have finished', async () => (await saved.counts()).finished === 2);
    expect(await saved.counts()).toMatchObject({ queued: 0, failed: 0 });
  });

  it('S9: a first heartbeat deletes a job without the field, and none of Node’s is', async () => {
    const { rq, redis, python } = sides;
    const beat = `
job = fetch(id)
r.lrem('rq:queue:nine', 0, id)
worker = Worker([queue('nine')], connection=r, serializer=JSONSerializer)
worker.register_birth()
if hasattr(worker, 'prepare_execution'):
    worker.prepare_execution(job)
worker.maintain_heartbeats(job)
worker.register_death()`;
    const ours = await rq.queue('nine').enqueue('both.side');
    await python.run(beat, { id: ours.id });
    expect(await redis.exists(`rq:job:${ours.id}`)).toBe(1);
    const requeued = await rq.queue('nine').enqueue('nodejobs.fail', 'x');
    await sides.burst('nine', inline);
    await rq.failedQueue.requeue(requeued.id);
    await python.run(beat, { id: requeued.id });
    expect(await redis.exists(`rq:job:${requeued.id}`)).toBe(1);

    await redis.hdel(`rq:job:${ours.id}`, 'last_heartbeat');
    await python.run(beat, { id: ours.id });
    expect(await redis.exists(`rq:job:${ours.id}`)).toBe(0);
  });

  it('S10: a dependent that it cannot read fails the parent that succeeded', async () => {
    const { python } = sides;
    const damages = {
      missing: "r.hdel(child.key, 'dependency_ids', 'dependency_id')",
      'bad date': "r.hset(child.key, 'created_at', 'yesterday')",
    };
    for (const damage of Object.values(damages)) {
      const ids = await python.run<[string, string]>(`
import sharp
parent = queue('ten').enqueue('both.side')
child = queue('ten').enqueue('both.side', depends_on=parent)
${damage}
sharp.work_here(queue('ten'))
return [parent.id, child.id]`);
      expect(await Promise.all(ids.map(status))).toEqual(['failed', 'deferred']);
    }
    // A Node worker ends the parent by what its handler did, and what became of the child is the child's story.
    const fates = { missing: 'finished', 'bad date': 'failed' };
    for (const [name, damage] of Object.entries(damages)) {
      const [parent, child] = await python.run<[string, string]>(`
parent = queue('ten-node').enqueue('both.side')
child = queue('ten-node').enqueue('both.side', depends_on=parent)
${damage}
return [parent.id, child.id]`);
      await sides.burst('ten-node', inline);
      expect(await status(parent)).toBe('finished');
      expect([name, await status(child)]).toEqual([name, fates[name as keyof typeof fates]]);
    }
    const [aside] = await sides.rq.failedQueue.jobs();
    expect(aside?.excInfo).toContain('field created_at cannot be read');
  });

  it('S12: a job of a group that is not there fails when its result is not to be kept', async () => {
    const { redis, python } = sides;
    const enqueue = `
job = queue(name).enqueue('both.side', result_ttl=0)
r.hset(job.key, 'group_id', 'no-such-group')
return job.id`;
    const theirs = await python.run<string>(enqueue, { name: 'twelve' });
    await python.run("import sharp\nsharp.work_here(queue('twelve'))");
    // 1.16 knows no groups.
    expect(await status(theirs)).toBe(version === '2.12' ? 'failed' : null);
    const ours = await python.run<string>(enqueue, { name: 'twelve-node' });
    await sides.burst('twelve-node', inline);
    expect(await redis.exists(`rq:job:${ours}`)).toBe(0);
    expect(await redis.exists('rq:failed:twelve-node')).toBe(0);
  });

  if (version === '2.12') {
    it('S13: an execution that expired breaks cancel and delete; those of Node go together', async () => {
      const { rq, redis, python } = sides;
      const raises = `
raised = []
for name in ['get_executions', 'cancel', 'delete']:
    try:
        getattr(fetch(id), name)()
    except ValueError as error:
        raised.append(str(error))
return raised`;
      // For a minute, after each worker of Python's that was killed.
      const theirs = await python.run<string>(`
job = queue('thirteen').enqueue('both.side')
r.lpop('rq:queue:thirteen')
worker = Worker([queue('thirteen')], connection=r, serializer=JSONSerializer)
worker.register_birth()
worker.prepare_execution(job)
worker.prepare_job_execution(job)
[execution] = job.get_executions()
beyond = r.ttl('rq:executions:' + job.id) - r.ttl(execution.key)
assert beyond >= 59, beyond
r.delete(execution.key)
return job.id`);
      expect(await python.run(raises, { id: theirs })).toHaveLength(3);
      await rq.queue('thirteen').job(theirs).delete();
      expect(await redis.keys(`rq:exec*${theirs}*`)).toEqual([]);

      await sides.boot({ queues: ['thirteen'], ...narrow });
      const ours = await rq.queue('thirteen').enqueue('nodejobs.hang', 60_000);
      const list = `rq:executions:${ours.id}`;
      await until('its first heartbeat', () => redis.exists(list));
      const [execution] = await redis.keys(`rq:execution:${ours.id}:*`);
      const [listed, itself] = await Promise.all([
        sides.redis.call('PEXPIRETIME', list).then(Number),
        sides.redis.call('PEXPIRETIME', execution ?? '').then(Number),
      ]);
      expect(Math.abs(listed - itself)).toBeLessThan(100);
      expect(await python.run(raises, { id: ours.id })).toEqual([]);
    });
  }

  it('S14: a job that is canceled, or deleted, while it runs ends as if nothing had happened', async () => {
    const { redis, python } = sides;
    const ids = await python.run<[string, string]>(`
import sharp
q = queue('fourteen')
ids = [q.enqueue('sharp.cancel_me').id, q.enqueue('sharp.delete_me').id]
sharp.work_here(q)
return ids`);
    const [canceled, deleted] = ids;
    expect(await Promise.all(ids.map(status))).toEqual(['finished', 'finished']);
    // In both registries, the one of them for ever; and back from the dead.
    expect(await redis.zscore('rq:canceled:fourteen', canceled)).not.toBeNull();
    expect(await redis.zrange('rq:finished:fourteen', 0, '-1')).toEqual(
      expect.arrayContaining([canceled, deleted]),
    );
    expect(await field(deleted, 'data')).not.toBeNull();

    // How Node ends them is shown in cancel-and-delete.test.ts (32, 33); here by its own hand.
    await sides.boot({ queues: ['fourteen-node'], ...narrow, concurrency: 2 });
    const queue = sides.rq.queue('fourteen-node');
    const jobs = [
      await queue.enqueue('nodejobs.hang', 60_000),
      await queue.enqueue('nodejobs.hang', 60_000),
    ] as const;
    await until('both run', async () => (await redis.zcard('rq:wip:fourteen-node')) === 2);
    await jobs[0].cancel();
    await jobs[1].delete();
    await until('both ended', async () => (await redis.zcard('rq:wip:fourteen-node')) === 0);
    expect(await Promise.all(jobs.map(({ id }) => status(id)))).toEqual(['canceled', null]);
    expect(await redis.exists('rq:finished:fourteen-node')).toBe(0);
  });

  it('S15: a death between failure and release leaves a dependent waiting for nobody, not in Node', async () => {
    const seen = await sides.python.run<string[][]>(`
import sharp
from rq.job import Dependency
def prepare():
    r.flushdb()
    parent = queue('fifteen').enqueue('sharp.fail')
    return [parent, queue('fifteen').enqueue(
        'sharp.nothing', depends_on=Dependency([parent], allow_failure=True))]
def look(jobs):
    return [r.hget(job.key, 'status').decode() for job in jobs]
return sharp.deaths(prepare, lambda _: sharp.work_here(queue('fifteen'), max_jobs=1), look)`);
    expect(seen).toContainEqual(['failed', 'deferred']);
    expect(seen.at(-1)).toEqual(['failed', 'queued']);

    // A Node worker writes both in one step: at no moment is one there without the other.
    const { rq, redis } = sides;
    const pairs: string[] = [];
    for (let n = 0; n < 40; n++) {
      const parent = await rq.queue('fifteen-node').enqueue('nodejobs.fail', 'no');
      const dependsOn = { jobs: parent, allowFailure: true };
      const child = await rq.queue('elsewhere').enqueueWith({ dependsOn }, 'nodejobs.nothing');
      pairs.push(parent.id, child.id);
    }
    await sides.boot({ queues: ['fifteen-node'], ...inline, concurrency: 3 });
    const look = `
local orphans, failed = 0, 0
for n = 1, #ARGV, 2 do
  local parent = redis.call('HGET', 'rq:job:' .. ARGV[n], 'status')
  local child = redis.call('HGET', 'rq:job:' .. ARGV[n + 1], 'status')
  if parent == 'failed' then failed = failed + 1 end
  if (parent == 'failed') ~= (child == 'queued') then orphans = orphans + 1 end
end
return { orphans, failed }`;
    await until('all have failed', async () => {
      const [orphans, failed] = (await redis.eval(look, 0, ...pairs)) as [number, number];
      expect(orphans).toBe(0);
      return failed === pairs.length / 2;
    });
  });

  it('S16: a stopped job is saved from a copy that was taken before it started', async () => {
    const { python, redis, url } = sides;
    const id = await python.run<string>("return queue('sixteen').enqueue('both.hang', 'pid').id");
    const args = [
      '-m',
      'rq.cli',
      'worker',
      'sixteen',
      '-S',
      json,
      '--name',
      'stopped-one',
      '--burst',
    ];
    const worker = startPython(version, args, pythonEnvironment(url));
    try {
      await until('its horse runs', () => redis.get('pid'));
      expect(await field(id, 'worker_name')).toBe('stopped-one');
      await python.run(
        'from rq.command import send_stop_job_command\nsend_stop_job_command(r, id)',
        {
          id,
        },
      );
      await until('it is stopped', async () => (await status(id)) === 'stopped');
      expect(await field(id, 'worker_name')).toBe('');
    } finally {
      await worker.stop();
    }

    const { name } = await sides.boot({ queues: ['sixteen-node'], ...inline });
    const ours = await sides.rq.queue('sixteen-node').enqueue('nodejobs.hang', 60_000);
    await until('it runs', async () => (await status(ours.id)) === 'started');
    const stop = 'from rq.command import send_stop_job_command\nsend_stop_job_command(r, id)';
    await until('it is stopped', async () => {
      // Nobody may hear the first: a command is not kept.
      await python.run(stop, { id: ours.id }).catch(() => undefined);
      return (await status(ours.id)) === 'stopped';
    });
    expect(await field(ours.id, 'worker_name')).toBe(name);
    expect(await field(ours.id, 'started_at')).not.toBe('');
  });

  it('S6: meta that a process with the other serializer saved is read by Node (41, in tools)', async () => {
    const { rq, python } = sides;
    const job = await rq.queue('six').enqueueWith({ meta: { a: 1 } }, 'nodejobs.look');
    await python.run("fetch(id, 'pickle').save()", { id: job.id });
    expect(await python.run('return list(fetch(id).meta)', { id: job.id })).toEqual([
      'unserialized',
    ]);
    await expect(python.run('fetch(id).get_meta()', { id: job.id })).rejects.toThrow(
      /UnicodeDecodeError/,
    );
    await sides.burst('six', inline);
    expect(await job.result(soon)).toMatchObject({ meta: { a: 1 } });
  });

  it('a failure callback that Python cannot import keeps its cleaners from their work, not ours', async () => {
    const { redis, python } = sides;
    const [theirs, ours] = await python.run<[string, string]>(`
import sharp
from rq import Callback
q = queue('cleaning')
named = q.enqueue('both.side', on_failure=Callback('nodejobs.onFailure'))
return [sharp.abandon(job).id for job in [named, q.enqueue('both.side')]]`);
    for (const look of ["len(queue('cleaning').started_job_registry)", "cli('info')"]) {
      await expect(python.run(look)).rejects.toThrow(/ValueError|AttributeError|ModuleNotFound/);
    }
    expect(await redis.zcard('rq:wip:cleaning')).toBe(2);
    await sides.boot({ queues: ['cleaning'], ...narrow });
    for (const id of [theirs, ours])
      await until(`${id} has ended`, async () =>
        ['finished', 'failed'].includes((await status(id)) ?? ''),
      );
    await until('the registry is empty', async () => (await redis.zcard('rq:wip:cleaning')) === 0);
    expect(await python.run<string>("return cli('info', '--raw')")).toContain('queue cleaning 0');
  });
});
