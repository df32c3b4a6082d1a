import { describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { until } from '../support/until.js';
import { begun, Rig } from './support/rig.js';

const rig = new Rig();

/** What keeps this process alive, counted by kind. */
const resources = (): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

const sameAs = (before: Record<string, number>) =>
  until('nothing is left', () => {
    const now = resources();
    // Jest's own timer for the test may be among them or not.
    return Object.entries(now).every(([kind, count]) => count <= (before[kind] ?? 0));
  });

describe('a worker that has left', () => {
  it.each(['pool', 'inline', 'fork-per-job'] as const)(
    'leaves no timer, socket or process behind, %s',
    async (isolation) => {
      await rig.enqueue('noop');
      const path = rig.path();
      const before = resources();
      const { worker, settled } = await rig.start({ isolation, concurrency: 2 });
      await until('it has worked', () => settled.length > 0);
      const stuck = await rig.enqueue('deaf', [path]);
      await begun(path);
      await worker.stop({ graceMs: 0 });
      expect((await stuck.fetch()).status).toBe('queued');
      await rig.closeAll();
      await sameAs(before);
    },
  );

  it('leaves nothing behind when its start failed', async () => {
    await rig.client.hset(keys.worker('taken'), 'birth', 'some time ago');
    const before = resources();
    const { worker } = rig.make({ name: 'taken' });
    await expect(worker.start()).rejects.toThrow('alive already');
    await sameAs(before);
  });
});

describe('an idle worker', () => {
  it('keeps as many timers as it had before it was busy', async () => {
    const { settled } = await rig.start({ concurrency: 2 });
    await rig.enqueueMany(10, 'noop');
    await until('it has worked', () => settled.length === 10);
    const before = resources();
    await rig.enqueueMany(3_000, 'noop');
    await until('it has worked more', () => settled.length === 3_010);
    await rig.closeAll();
    await sameAs(before);
    expect(await rig.wip()).toBe(0);
  });
});
