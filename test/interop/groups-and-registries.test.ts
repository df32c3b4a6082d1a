import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithPython } from '../support/python.js';
import { TwoSides } from './two-sides.js';

const soon = { timeoutMs: 10_000 };

describeWithPython('Groups', ['2.12'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterAll(() => sides?.part());

  const pythonIds = (name: string) =>
    sides.python.run<string[]>(
      `
       from rq.group import Group
       return sorted(job_id.decode() for job_id in r.smembers(Group.fetch(name, r).key))`,
      { name },
    );

  it('19: made by Node are listed and worked off by Python, those without results too', async () => {
    const group = sides.rq.group('node-made');
    const specs = [0, -1].map((resultTtlSeconds) => ({
      name: 'pyjobs.add',
      args: [1],
      options: { resultTtlSeconds, serializer: 'pickle' as const },
    }));
    const [gone, kept] = await group.enqueueMany(sides.rq.queue('g1'), specs);
    expect(await pythonIds('node-made')).toEqual([gone?.id, kept?.id].sort());
    const seen = await sides.python.run<string[]>(
      `
       from rq.group import Group
       jobs = sorted(job.id for job in Group.fetch('node-made', r).get_jobs())
       work('g1', 'pickle')
       return jobs`,
    );
    expect(seen).toEqual([gone?.id, kept?.id].sort());
    expect(await kept?.result(soon)).toBe(1);
    // S12: without its group the first would have ended as failed.
    expect(await sides.rq.fetchMany([gone?.id ?? ''])).toEqual([null]);
    expect(await sides.rq.failedQueue.length()).toBe(0);
    expect(await pythonIds('node-made')).toEqual([kept?.id]);
  });

  it('19: made by Python are listed and worked off by Node', async () => {
    const ids = await sides.python.run<string[]>(
      `
       from rq.group import Group
       group = Group.create(connection=r, name='python-made')
       datas = [Queue.prepare_data('nodejobs.add', (n,)) for n in (1, 2)]
       return [job.id for job in group.enqueue_many(queue('g2'), datas)]`,
    );
    const group = sides.rq.group('python-made');
    expect((await group.ids()).sort()).toEqual([...ids].sort());
    expect(await sides.rq.groupNames()).toContain('python-made');
    await sides.burst('g2');
    expect((await group.jobs()).map(({ status }) => status)).toEqual(['finished', 'finished']);
    await (await sides.rq.fetch(ids[0] as string)).job.delete();
    expect(await pythonIds('python-made')).toEqual([ids[1]]);
  });

  it('19: ended by Node leave no hash that Python cannot delete', async () => {
    const group = sides.rq.group('ended');
    const [job] = await group.enqueueMany(sides.rq.queue('g3'), [{ name: 'pyjobs.add' }]);
    await group.delete();
    await sides.python.run('fetch(id).delete()', { id: job?.id });
    expect(await sides.rq.fetchMany([job?.id ?? ''])).toEqual([null]);
  });
});

describeWithPython('Registries and results', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterAll(() => sides?.part());

  it('page, find and forget what Python put there', async () => {
    const ids = await sides.python.run<string[]>(
      `
       jobs = [queue('r').enqueue('pyjobs.add', n) for n in range(3)]
       bad = queue('r').enqueue('pyjobs.fail', 'no')
       work('r')
       late = queue('r').enqueue('pyjobs.add', 1)
       late.cancel()
       return [job.id for job in jobs] + [bad.id, late.id]`,
    );
    const { finished, failed, canceled, started } = sides.rq.queue('r').registries;
    expect((await finished.ids()).sort()).toEqual(ids.slice(0, 3).sort());
    expect(await finished.ids({ offset: 1, count: 1 })).toHaveLength(1);
    expect(await failed.ids()).toEqual([ids[3]]);
    expect(await canceled.ids()).toEqual([ids[4]]);
    expect(await started.count()).toBe(0);
    const inAYear = Date.now() + 31_536_000_000;
    expect(
      Math.abs(((await failed.entry(ids[3] as string))?.at?.getTime() as number) - inAYear),
    ).toBeLessThan(60_000);
    expect(await finished.remove(ids[0] as string, { deleteJob: true })).toBe(true);
    expect(
      await sides.python.run(`return sorted(queue('r').finished_job_registry.get_job_ids())`),
    ).toEqual(ids.slice(1, 3).sort());
  });

  it('give back what Python canceled, deferred or finished, and Python runs it', async () => {
    const { python, redis, rq } = sides;
    const [canceled, parent, deferred, finished] = await python.run<
      [string, string, string, string]
    >(
      `
       done = queue('back').enqueue('pyjobs.add', 1)
       work('back')
       late = queue('back').enqueue('pyjobs.add', 2)
       late.cancel()
       parent = queue('back-parent').enqueue('pyjobs.add', 3)
       child = queue('back').enqueue('pyjobs.add', 4, depends_on=parent)
       return [late.id, parent.id, child.id, done.id]`,
    );
    const { registries } = rq.queue('back');
    await registries.canceled.requeue(canceled);
    await registries.deferred.requeue(deferred, { atFront: true });
    await registries.finished.requeue(finished);
    expect(await python.run(`return queue('back').job_ids`)).toEqual([
      deferred,
      canceled,
      finished,
    ]);
    const looks = await python.run<Array<Record<string, unknown>>>(
      'return [seen(id) for id in ids]',
      { ids: [canceled, deferred, finished] },
    );
    for (const look of looks)
      expect(look).toMatchObject({ status: 'queued', started_at: null, ended_at: null });
    await python.run(`work('back')`);
    for (const [id, value] of Object.entries({ [canceled]: 2, [deferred]: 4, [finished]: 1 }))
      expect(await (await rq.fetch(id)).job.result(soon)).toBe(value);
    // Its parent does not bring it a second time.
    await python.run(`work('back-parent')`);
    expect((await rq.fetch(parent)).record.status).toBe('finished');
    expect(await rq.queue('back').length()).toBe(0);
    expect(await registries.canceled.count()).toBe(0);
    expect(await redis.zcard('rq:wip:back')).toBe(0);
  });

  it('are given back by Python what Node canceled or finished, and Node runs it', async () => {
    const { python, rq } = sides;
    const queue = rq.queue('forth');
    const done = await queue.enqueue('nodejobs.add', 1);
    await sides.burst('forth');
    const late = await queue.enqueue('nodejobs.add', 2);
    await late.cancel();
    await python.run(
      `
       from rq.registry import FinishedJobRegistry, CanceledJobRegistry
       FinishedJobRegistry(queue=queue('forth')).requeue(done)
       CanceledJobRegistry(queue=queue('forth')).requeue(late, at_front=True)`,
      { done: done.id, late: late.id },
    );
    expect(await queue.ids()).toEqual([late.id, done.id]);
    await sides.burst('forth');
    expect([await late.result(soon), await done.result(soon)]).toEqual([2, 1]);
    expect((await done.fetch()).attempt).toBe(2);
    expect(await queue.registries.canceled.count()).toBe(0);
    // And Node runs what Node gives back, when Python looks only.
    await queue.registries.finished.requeue(late.id);
    expect(await python.run(`return seen(id)['status']`, { id: late.id })).toBe('queued');
    await sides.burst('forth');
    expect((await late.fetch()).attempt).toBe(2);
  });

  it('tell every run that Python wrote down, the newest first', async () => {
    const { python, rq } = sides;
    const id = await python.run<string>(
      `
       job = queue('h').enqueue('pyjobs.fail', 'first')
       work('h')
       job.requeue()
       work('h')
       return job.id`,
    );
    const { job } = await rq.fetch(id);
    const results = await job.results();
    expect(results.map(({ kind }) => kind)).toEqual(['failed', 'failed']);
    expect(results[0]).toMatchObject({ problem: '', value: undefined });
    expect(results[0]?.traceback).toContain('ValueError: first');
    if (version === '2.12') {
      expect(results[0]?.execution).toMatch(/^[0-9a-f]{32}$/);
      expect(results[0]?.workerName).not.toBe('');
      expect(results[0]?.endedAt?.getTime()).toBeGreaterThanOrEqual(
        results[0]?.startedAt?.getTime() as number,
      );
    }
  });

  it('42: an emptied and a deleted queue of Python is noticed', async () => {
    const { python, rq } = sides;
    const queue = rq.queue('emptied');
    const job = await queue.enqueue('pyjobs.add', 1);
    await queue.enqueueWith({ jobId: 'second' }, 'pyjobs.add', 1);
    await python.run(`cli('empty', 'emptied')`);
    expect(await queue.length()).toBe(0);
    expect(await rq.fetchMany([job.id, 'second'])).toEqual([null, null]);
    const again = await queue.enqueueWith({ jobId: 'second' }, 'pyjobs.add', 2);
    expect(await queue.position(again)).toBe(0);
    await python.run(`queue('emptied').delete(delete_jobs=True)`);
    expect((await rq.queues()).map(({ name }) => name)).not.toContain('emptied');
    expect(await again.position()).toBeNull();
    // And one that Node deletes is gone for Python, until the next job.
    await queue.enqueue('pyjobs.add', 1);
    await queue.delete();
    expect(await python.run(`return [q.name for q in Queue.all(connection=r)]`)).not.toContain(
      'emptied',
    );
  });

  it('41: meta that rq requeue damaged is read, in any number of layers', async () => {
    const { python, rq } = sides;
    const queue = rq.queue('meta');
    const job = await queue.enqueueWith({ meta: { team: 'ü', n: [1] } }, 'pyjobs.fail', 'no');
    for (let times = 0; times < 2; times++) {
      await python.run(`work('meta')`);
      await python.run(`cli('requeue', '--queue', 'meta', id)`, { id: job.id });
    }
    const record = await job.fetch();
    expect(record.hash.get('meta')?.[0]).toBe(0x80);
    expect(record).toMatchObject({ meta: { team: 'ü', n: [1] }, problems: [], status: 'queued' });
    expect({ ...record.call }).toMatchObject({ functionName: 'pyjobs.fail', args: ['no'] });
    await job.saveMeta({ ...record.meta, mended: true });
    expect(await python.run(`return fetch(id).get_meta()`, { id: job.id })).toEqual({
      team: 'ü',
      n: [1],
      mended: true,
    });
  });
});
