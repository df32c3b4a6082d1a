import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Job } from '../../../src/index.js';
import { keys } from '../../../src/redis/keys.js';
import { describeWithPython } from '../../support/python.js';
import { TwoSides } from '../two-sides.js';

const soon = { timeoutMs: 10_000 };
const sidesOf = ['Node', 'Python'] as const;

describeWithPython('parents that are taken away', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterEach(() => sides.stopWorkers());
  afterAll(() => sides?.part());

  const statusOf = async (id: string) => (await sides.rq.fetchMany([id]))[0]?.status ?? 'gone';
  const placesOf = async (queue: string) => {
    const [waiting, deferred, canceled] = await Promise.all([
      sides.redis.lrange(keys.queue(queue), 0, -1),
      sides.redis.zrange(keys.deferred(queue), '0', '-1'),
      sides.redis.zrange(keys.canceled(queue), '0', '-1'),
    ]);
    return { waiting: waiting.sort(), deferred: deferred.sort(), canceled };
  };
  const python = (code: string, id: string) => sides.python.run(code, { id });

  /** A parent of the side that takes nothing away, and two jobs that wait for it, one of either side. */
  const family = async (queue: string, by: (typeof sidesOf)[number]) => {
    const { rq } = sides;
    const given = { name: queue };
    const parentId =
      by === 'Python'
        ? (await rq.queue(queue).enqueue('nodejobs.add', 1)).id
        : await sides.python.run<string>("return queue(name).enqueue('nodejobs.add', 1).id", given);
    const ours = await rq.queue(queue).enqueueWith({ dependsOn: parentId }, 'nodejobs.add', 2);
    const theirs = await sides.python.run<string>(
      "return queue(name).enqueue('nodejobs.add', 3, depends_on=parent).id",
      { ...given, parent: parentId },
    );
    const parent = rq.queue(queue).job(parentId);
    return { parent, waits: [ours, rq.queue(queue).job(theirs)] as [Job, Job] };
  };
  const idsOf = (jobs: readonly Job[]) => jobs.map(({ id }) => id).sort();

  it.each(sidesOf)('56: %s cancels a parent: what waits for it waits on', async (by) => {
    const queue = `held-${by}`;
    const { parent, waits } = await family(queue, by);
    if (by === 'Node') await parent.cancel();
    else await python('fetch(id).cancel()', parent.id);
    expect(await placesOf(queue)).toEqual({
      waiting: [],
      deferred: idsOf(waits),
      canceled: [parent.id],
    });
    // Neither side's worker takes them for free.
    await sides.python.run('work(name)', { name: queue });
    await sides.burst(queue, { isolation: 'inline' });
    expect(await Promise.all(idsOf(waits).map(statusOf))).toEqual(['deferred', 'deferred']);
  });

  it.each(sidesOf)('56: %s cancels a parent and lets go on what waits for it', async (by) => {
    const queue = `released-${by}`;
    const { parent, waits } = await family(queue, by);
    if (by === 'Node') await parent.cancel({ enqueueDependents: true });
    else await python('fetch(id).cancel(enqueue_dependents=True)', parent.id);
    expect(await placesOf(queue)).toEqual({
      waiting: idsOf(waits),
      deferred: [],
      canceled: [parent.id],
    });
    await sides.burst(queue, { isolation: 'inline' });
    expect(await Promise.all(waits.map((job) => job.result(soon)))).toEqual([2, 3]);
    expect(await statusOf(parent.id)).toBe('canceled');
  });

  it.each(sidesOf)('56: %s deletes a parent and what waits for it', async (by) => {
    const queue = `swept-${by}`;
    const { parent, waits } = await family(queue, by);
    if (by === 'Node') await parent.delete({ deleteDependents: true });
    else await python('fetch(id).delete(delete_dependents=True)', parent.id);
    expect(await placesOf(queue)).toEqual({ waiting: [], deferred: [], canceled: [] });
    const left = await Promise.all(
      [parent, ...waits].map(({ id }) => sides.redis.keys(`rq:job*${id}*`)),
    );
    expect(left.flat()).toEqual([]);
  });

  it.each(sidesOf)(
    '56: %s deletes a parent alone: a worker of Node lets the rest go on',
    async (by) => {
      const queue = `orphaned-${by}`;
      const { parent, waits } = await family(queue, by);
      if (by === 'Node') await parent.delete();
      else await python('fetch(id).delete()', parent.id);
      expect(await statusOf(parent.id)).toBe('gone');
      expect(await placesOf(queue)).toEqual({ waiting: [], deferred: idsOf(waits), canceled: [] });
      await sides.boot({ queues: [queue], isolation: 'inline', wire: { narrowLeaseMs: 800 } });
      expect(await Promise.all(waits.map((job) => job.result(soon)))).toEqual([2, 3]);
    },
  );

  it.each(sidesOf)(
    '56: %s cancels what waits: its parent ends, and it stays canceled',
    async (by) => {
      const queue = `left-${by}`;
      const { parent, waits } = await family(queue, by);
      const [canceled, goesOn] = by === 'Node' ? [waits[1], waits[0]] : [waits[0], waits[1]];
      if (by === 'Node') await canceled.cancel();
      else await python('fetch(id).cancel()', canceled.id);
      await sides.burst(queue, { isolation: 'inline' });
      expect(await goesOn.result(soon)).toBe(by === 'Node' ? 2 : 3);
      expect(await parent.result(soon)).toBe(1);
      expect(await placesOf(queue)).toEqual({ waiting: [], deferred: [], canceled: [canceled.id] });
    },
  );

  it('10: Node puts to the front what Python wanted there', async () => {
    const { rq } = sides;
    const [parent, child] = await sides.python.run<[string, string]>(`
from rq.job import Dependency
parent = queue('p-front').enqueue('nodejobs.add', 1)
first = Dependency(jobs=[parent], enqueue_at_front=True)
return [parent.id, queue('c-front').enqueue('nodejobs.add', 2, depends_on=first).id]`);
    const other = await rq.queue('c-front').enqueue('nodejobs.add', 0);
    await sides.burst('p-front', { isolation: 'inline' });
    expect(await statusOf(parent)).toBe('finished');
    expect(await rq.queue('c-front').ids()).toEqual([child, other.id]);
  });
});
