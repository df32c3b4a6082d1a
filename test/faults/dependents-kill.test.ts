import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Scene } from './support/scene.js';

const queues = ['default', 'low'];
const wire = {
  narrowLeaseMs: 400,
  wideLeaseSeconds: 60,
  maxRecoveries: 1_000,
  eventLogLength: 1_000_000,
};
const rounds = 12;
const name = 'handlers.note';

/** A parent, three that wait for it, one that waits for those, and one that waits for the parent and that one. */
const family = (round: number) => {
  const id = (part: string) => `r${round}-${part}`;
  const middle = ['x', 'y', 'z'].map((part) => ({
    name,
    options: { jobId: id(part), dependsOn: id('first') },
  }));
  return [
    { name, options: { jobId: id('last'), dependsOn: [id('joint'), id('first')] } },
    {
      name,
      options: { jobId: id('joint'), dependsOn: middle.map(({ options }) => options.jobId) },
    },
    ...middle,
    { name, options: { jobId: id('first') } },
  ];
};

describe('workers that are killed while jobs wait for each other', () => {
  it('lose neither a parent nor one that waits, and free each once', async () => {
    const scene = await Scene.open(wire);
    try {
      const ids: string[] = [];
      for (let round = 0; round < rounds; round++) {
        const isInline = round % 2 === 0;
        const victim = await scene.worker({
          queues,
          isolation: isInline ? 'inline' : 'pool',
          concurrency: 3,
        });
        for (let n = 0; n < 20; n++) {
          const queue = scene.rq.queue(queues[n % 2] as string);
          for (const { id } of await queue.enqueueMany(family(round * 20 + n))) ids.push(id);
        }
        await delay(Math.random() * 100);
        await victim.kill();
      }
      // One parent of more than a call may free, whose worker dies in the midst of it.
      const [parent] = await scene.rq
        .queue('default')
        .enqueueMany([{ name, options: { jobId: 'big' } }]);
      if (!parent) throw new Error('it was enqueued');
      const many = Array.from({ length: 1_000 }, () => ({ name, options: { dependsOn: parent } }));
      for (const { id } of await scene.rq.queue('low').enqueueMany(many)) ids.push(id);
      const last = await scene.worker({ queues, isolation: 'inline', concurrency: 20 });
      for (const id of ids) await scene.rq.queue('default').job(id).result({ timeoutMs: 60_000 });
      last.signal('SIGTERM');
      expect(await last.end()).toBe(0);

      const events = await scene.events(...queues);
      const told = (kind: string): string[] =>
        events.flatMap((event) => (event.kind === kind ? [event.jobId] : [])).sort();
      expect(told('finished')).toEqual([...ids, 'big'].sort());
      const waited = told('deferred');
      expect(waited.length).toBeGreaterThan(1_000 + rounds * 20);
      expect(told('released')).toEqual(waited);
      // What waits for others runs after them.
      const begun = new Map<string, number>();
      for (const { id } of scene.ledger()) if (!begun.has(id)) begun.set(id, begun.size);
      const at = (round: number, part: string): number => begun.get(`r${round}-${part}`) ?? -1;
      for (let round = 0; round < rounds * 20; round++) {
        expect(at(round, 'first')).toBeGreaterThanOrEqual(0);
        expect(at(round, 'joint')).toBeGreaterThan(
          Math.max(...['x', 'y', 'z'].map((part) => at(round, part))),
        );
        expect(at(round, 'last')).toBeGreaterThan(at(round, 'joint'));
      }
      const { findings } = await scene.audit({ repair: true });
      expect(findings.filter(({ code }) => code !== 'A15').slice(0, 20)).toEqual([]);
    } finally {
      await scene.close();
    }
  }, 150_000);
});
