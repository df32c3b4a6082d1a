import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { keys } from '../../../src/redis/keys.js';
import { releaseLocks, tick } from '../../../src/redis/transitions/tick.js';
import { describeWithPython } from '../../support/python.js';
import { until } from '../../support/until.js';
import { TwoSides } from '../two-sides.js';

const soon = { timeoutMs: 10_000 };
const inline = { isolation: 'inline' } as const;

describeWithPython('jobs that wait for others', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  const statusOf = async (id: string) => (await sides.rq.fetch(id)).record.status;
  const work = (name: string) => sides.python.run('work(name)', { name });
  const waiting = (name: string) => sides.redis.lrange(keys.queue(name), 0, -1);
  const kindsOf = async (queue: string, id: string): Promise<string[]> => {
    const { redis } = sides;
    const entries = await redis.xrange(keys.events(queue), '-', '+');
    const { unfoldEntry } = await import('../../../src/redis/lifecycle-event.js');
    return entries
      .flatMap(([entry, fields]) => unfoldEntry(queue, entry, fields))
      .filter(({ jobId }) => jobId === id)
      .map(({ kind }) => kind);
  };

  it('10: Python runs the parent of a Node job, and queues the job once, where it belongs', async () => {
    const { rq, python, redis } = sides;
    const parent = await rq.queue('p10').enqueue('pyjobs.add', 1);
    const dependsOn = { jobs: parent, enqueueAtFront: true };
    const child = await rq.queue('c10').enqueueWith({ dependsOn }, 'pyjobs.add', 2);
    const other = await rq.queue('c10').enqueue('pyjobs.add', 0);
    // As Python's own reader sees it.
    const seen = await python.run(
      `
job = fetch(child)
text = lambda ids: [str(id, 'utf8')[-36:] if isinstance(id, bytes) else id[-36:] for id in ids] # 1.16 gives bytes, or keys
return [str(job.get_status()).split('.')[-1].lower(), text(job.dependency_ids), [p.id for p in job.fetch_dependencies()],
        job.enqueue_at_front, child in queue('c10').deferred_job_registry.get_job_ids(), text(fetch(parent).dependent_ids)]`,
      { child: child.id, parent: parent.id },
    );
    expect(seen).toEqual(['deferred', [parent.id], [parent.id], true, true, [child.id]]);
    await work('p10');
    expect(await waiting('c10')).toEqual([child.id, other.id]);
    expect(await redis.zcard(keys.deferred('c10'))).toBe(0);
    await work('c10');
    expect(await child.result(soon)).toBe(2);
    expect(await rq.queue('c10').counts()).toMatchObject({ queued: 0, finished: 2, deferred: 0 });
  });

  it('10: Node runs the parent of a Python job, and queues the job once, where it belongs', async () => {
    const { rq, python } = sides;
    const [, child, grandchild] = await python.run<[string, string, string]>(`
parent = queue('p10n').enqueue('nodejobs.add', 1)
child = queue('c10n').enqueue('nodejobs.add', 2, depends_on=parent)
return [parent.id, child.id, queue('c10n').enqueue('nodejobs.add', 3, depends_on=[parent, child]).id]`);
    await sides.burst('p10n', inline);
    expect(await waiting('c10n')).toEqual([child]);
    expect(await statusOf(grandchild)).toBe('deferred');
    const facts = `
return [fetch(id).get_status().value if hasattr(fetch(id).get_status(), 'value') else fetch(id).get_status(),
        fetch(id).enqueued_at is not None, len(queue('c10n').deferred_job_registry)]`;
    expect(await python.run(facts, { id: child })).toEqual(['queued', true, 1]);
    await work('c10n');
    expect(await statusOf(child)).toBe('failed'); // Python has no such function; it read the job, though.
    await python.run("queue('c10n').failed_job_registry.requeue(child)", { child });
    await sides.burst('c10n', inline);
    expect(await rq.queue('c10n').job(child).result(soon)).toBe(2);
    expect(await rq.queue('c10n').job(grandchild).result(soon)).toBe(3);
    expect(await kindsOf('c10n', grandchild)).toEqual(['released', 'started', 'finished']);
  });

  it('11: a deferred Node job stays where it is when Python cleans', async () => {
    const { rq, python } = sides;
    const parent = await rq.queue('p11').enqueue('pyjobs.add', 1);
    const child = await rq.queue('c11').enqueueWith({ dependsOn: parent.id }, 'pyjobs.add', 2);
    const cleaned = await python.run(
      `
from rq.registry import clean_registries
import time
clean_registries(queue('c11'))
r.delete('rq:clean_registries:c11')
registry = queue('c11').deferred_job_registry
registry.cleanup()
# As 2.0 to 2.7 look for entries whose time has come: an hour from now there is none.
return [r.zrangebyscore(registry.key, 0, int(time.time()) + 3600), registry.get_job_ids(), cli('info', 'c11', '--raw').splitlines()]`,
    );
    expect(cleaned).toEqual([
      [],
      [child.id],
      expect.arrayContaining(['queue c11 0, 0 executing, 0 finished, 0 failed']),
    ]);
    expect(await statusOf(child.id)).toBe('deferred');
  });

  it.each(['Python', 'Node'])(
    '12: of two parents one is deleted; %s runs the other',
    async (who) => {
      const { rq, python } = sides;
      const queue = rq.queue(`two-parents-${who}`);
      const name = who === 'Python' ? 'pyjobs.add' : 'nodejobs.add';
      const [a, b] = await queue.enqueueMany([
        { name, args: [1] },
        { name, args: [2] },
      ]);
      if (!a || !b) throw new Error('nothing was enqueued');
      const fromNode = await queue.enqueueWith({ dependsOn: [a, b] }, name, 3);
      const fromPython = await python.run<string>(
        'return queue(name).enqueue(call, 4, depends_on=[a, b]).id',
        { name: queue.name, call: name, a: a.id, b: b.id },
      );
      if (who === 'Python') await a.delete();
      else await python.run('fetch(id).delete()', { id: a.id });
      expect([await statusOf(fromNode.id), await statusOf(fromPython)]).toEqual([
        'deferred',
        'deferred',
      ]);
      await (who === 'Python' ? work(queue.name) : sides.burst(queue.name, inline));
      expect(await fromNode.result(soon)).toBe(3);
      expect(await queue.job(fromPython).result(soon)).toBe(4);
    },
  );

  it.each(['Python', 'Node'])(
    '13: a parent fails in %s: only those go on that allow it',
    async (who) => {
      const { rq, python } = sides;
      const queue = rq.queue(`fails-${who}`);
      const side = who === 'Python' ? 'pyjobs' : 'nodejobs';
      const parent = await queue.enqueue(`${side}.fail`, 'no');
      const mayFail = { jobs: parent, allowFailure: true };
      const nodeMay = await queue.enqueueWith({ dependsOn: mayFail }, `${side}.add`, 1);
      const nodeMust = await queue.enqueueWith({ dependsOn: parent }, `${side}.add`, 2);
      const [pythonMay, pythonMust] = await python.run<[string, string]>(
        `
from rq.job import Dependency
q = queue(name)
return [q.enqueue(call, 3, depends_on=Dependency(jobs=[parent], allow_failure=True)).id, q.enqueue(call, 4, depends_on=parent).id]`,
        { name: queue.name, call: `${side}.add`, parent: parent.id },
      );
      const goOn = () => (who === 'Python' ? work(queue.name) : sides.burst(queue.name, inline));
      await goOn();
      expect(await nodeMay.result(soon)).toBe(1);
      expect(await queue.job(pythonMay).result(soon)).toBe(3);
      expect([await statusOf(nodeMust.id), await statusOf(pythonMust)]).toEqual([
        'deferred',
        'deferred',
      ]);
      // Requeued, it finishes: the rest is free.
      const succeed =
        'return fetch(id).__class__.create(call, args=(0,), connection=r, serializer=JSONSerializer).data.hex()';
      const data = await python.run<string>(succeed, { id: parent.id, call: `${side}.add` });
      await sides.redis.hset(keys.job(parent.id), 'data', Buffer.from(data, 'hex'));
      await (who === 'Python'
        ? parent.requeue()
        : python.run('fetch(id).requeue()', { id: parent.id }));
      await goOn();
      expect(await nodeMust.result(soon)).toBe(2);
      expect(await queue.job(pythonMust).result(soon)).toBe(4);
      expect(await queue.counts()).toMatchObject({ queued: 0, deferred: 0, failed: 0 });
    },
  );

  it('53: dependents that come while Python finishes their parents: all run, and no parent fails', async () => {
    const { rq, redis } = sides;
    const queue = rq.queue('races');
    const dependents: Array<{ result(options: { timeoutMs: number }): Promise<unknown> }> = [];
    const parents = await queue.enqueueMany(
      Array.from({ length: 20 }, () => ({ name: 'pyjobs.add', args: [1] })),
    );
    let isOver = false;
    const working = work('races').finally(() => {
      isOver = true;
    });
    // Two for each, at whatever moment of the parent's life they come.
    while (!isOver && dependents.length < 2 * parents.length) {
      const parent = parents[dependents.length % parents.length] as (typeof parents)[number];
      dependents.push(await queue.enqueueWith({ dependsOn: parent }, 'pyjobs.add', 2));
    }
    await working;
    // Those that came last: Python's worker left with an empty queue.
    await work('races');
    for (const job of [...parents, ...dependents]) await job.result(soon);
    // RQ 2 may have left executions of finished jobs, and fails such a job once the time of one is up. Here is
    // one at any rate, and it is 70 seconds later.
    const wip = keys.wip('races');
    await redis.zadd(wip, 0, `${parents[0]?.id}:${'0'.repeat(32)}`);
    const soonOver = Number((await redis.time())[0]) + 20;
    for (const member of await redis.zrange(wip, '0', '-1'))
      await redis.zadd(wip, soonOver, member);
    await sides.boot({ queues: ['races'], ...inline, wire: { narrowLeaseMs: 800 } });
    await until('nothing is left of them', async () => (await redis.zcard(wip)) === 0);
    await sides.python.run(
      "from rq.registry import clean_registries\nclean_registries(queue('races'))",
    );
    const finished = parents.length + dependents.length;
    expect(await queue.counts()).toMatchObject({ finished, failed: 0, deferred: 0, started: 0 });
  });

  it('a dependent that a killed Python worker left is freed by a janitor', async () => {
    const { rq, python } = sides;
    const [parent, child] = await python.run<[string, string]>(`
from rq.job import Dependency
q = queue('killed')
parent = q.enqueue('pyjobs.fail', 'no')
return [parent.id, queue('freed').enqueue('nodejobs.add', 1, depends_on=Dependency(jobs=[parent], allow_failure=True)).id]`);
    // Its work-horse dies between the two steps of a failure.
    await python.run(`
import signal
original = Queue.enqueue_dependents
Queue.enqueue_dependents = lambda *args, **options: os.kill(os.getpid(), signal.SIGKILL)
work('killed')
Queue.enqueue_dependents = original`);
    expect([await statusOf(parent), await statusOf(child)]).toEqual(['failed', 'deferred']);
    await sides.boot({ queues: ['freed'], ...inline, wire: { narrowLeaseMs: 800 } });
    expect(await rq.queue('freed').job(child).result(soon)).toBe(1);
    expect(await kindsOf('freed', child)).toEqual(['released', 'started', 'finished']);
  });

  it("a job with a time and parents: Node holds it to both, RQ's scheduler to its time", async () => {
    const { rq, python, redis } = sides;
    const parent = await rq.queue('p-both').enqueue('pyjobs.add', 1);
    const options = { in: '1h', dependsOn: parent } as const;
    const ours = await rq.queue('c-both').enqueueWith(options, 'pyjobs.add', 2);
    const theirs = await python.run<string>(
      `
from datetime import timedelta
return queue('c-both').enqueue_in(timedelta(hours=1), 'pyjobs.add', 3, depends_on=fetch(parent)).id`,
      { parent: parent.id },
    );
    const seen = await python.run(
      `
return [[fetch(id).is_scheduled, fetch(id)._dependency_ids] for id in ids]`,
      { ids: [ours.id, theirs] },
    );
    expect(seen).toEqual(Array(2).fill([true, [parent.id]]));
    const makeDue = (...ids: string[]) =>
      Promise.all(ids.map((id) => redis.zadd(keys.scheduled('c-both'), 1_000, id)));
    await makeDue(ours.id, theirs);
    await tick(redis, '4242', ['c-both'], true, rq.wire);
    expect([await statusOf(ours.id), await statusOf(theirs)]).toEqual(['deferred', 'deferred']);
    expect(
      await python.run(`return sorted(queue('c-both').deferred_job_registry.get_job_ids())`),
    ).toEqual([ours.id, theirs].sort());
    await work('p-both');
    expect((await waiting('c-both')).sort()).toEqual([ours.id, theirs].sort());
    await work('c-both');
    expect([await statusOf(ours.id), await statusOf(theirs)]).toEqual(['finished', 'finished']);
    // RQ passes the parents over.
    await releaseLocks(redis, '4242', ['c-both']);
    const blocker = await rq.queue('p-both').enqueue('pyjobs.add', 1);
    const early = await rq
      .queue('c-both')
      .enqueueWith({ in: '1h', dependsOn: blocker }, 'pyjobs.add', 2);
    await makeDue(early.id);
    await python.run(`
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer
scheduler = RQScheduler([queue('c-both')], connection=r, serializer=JSONSerializer)
scheduler.acquire_locks()
scheduler.enqueue_scheduled_jobs()
scheduler.release_locks()`);
    expect(await waiting('c-both')).toEqual([early.id]);
    expect(await statusOf(blocker.id)).toBe('queued');
  });
});
