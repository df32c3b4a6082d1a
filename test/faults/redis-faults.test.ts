import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Scene } from './support/scene.js';

const queues = ['high', 'default'];
const wire = { narrowLeaseMs: 2_000, eventLogLength: 100_000, resultTtlSeconds: 86_400 };
let scene: Scene;

afterEach(() => scene.close());

/** Enqueues 20 jobs each 20 ms while `trouble` is made; resolves with the ids that were acknowledged. */
const produceDuring = async (trouble: () => Promise<void>): Promise<string[]> => {
  const ids: string[] = [];
  let isOver = false;
  const producing = (async () => {
    for (let tick = 0; !isOver; tick++) {
      const queue = scene.rq.queue(queues[tick % queues.length] as string);
      const jobs = await queue.enqueueMany(
        Array.from({ length: 20 }, () => ({ name: 'handlers.note' })),
      );
      ids.push(...jobs.map(({ id }) => id));
      await delay(20);
    }
  })();
  await trouble();
  isOver = true;
  await producing;
  return ids;
};

describe('Redis', () => {
  it('F45: killed and started again under load loses nothing that it had acknowledged', async () => {
    scene = await Scene.open(wire, ['--appendonly', 'yes', '--appendfsync', 'everysec']);
    const workers = [
      await scene.worker({ queues, isolation: 'inline' }),
      await scene.worker({ queues, isolation: 'pool', concurrency: 2 }),
    ];
    const ids = await produceDuring(async () => {
      for (let round = 0; round < 4; round++) {
        await delay(400 + Math.random() * 400);
        await scene.server.kill('SIGKILL');
        await delay(Math.random() * 300);
        await scene.server.restart();
      }
      await delay(300);
    });
    await scene.drained(queues);
    expect(await scene.outcome(ids, queues)).toMatchObject({ lost: 0, twice: 0, foreign: 0 });
    for (const worker of workers) {
      worker.signal('SIGTERM');
      expect(await worker.end()).toBe(0);
    }
    expect((await scene.audit()).findings).toEqual([]);
  });

  it('F47: frozen for longer than a lease makes nobody take jobs from owners that are still there', async () => {
    scene = await Scene.open(wire);
    await scene.worker({ queues, isolation: 'inline' });
    await scene.worker({ queues, isolation: 'pool', concurrency: 2 });
    const long = await scene.rq
      .queue('default')
      .enqueueMany(
        Array.from({ length: 2 }, () => ({ name: 'handlers.sleep', args: [6_000, 'slept'] })),
      );
    const ids = await produceDuring(async () => {
      await delay(500);
      scene.server.freeze();
      await delay(4_000);
      scene.server.thaw();
      await delay(1_500);
    });
    for (const job of long) expect(await job.result({ timeoutMs: 15_000 })).toBe('slept');
    await scene.drained(queues);
    const all = [...ids, ...long.map(({ id }) => id)];
    expect(await scene.outcome(all, queues)).toEqual({
      lost: 0,
      twice: 0,
      foreign: 0,
      recovered: 0,
    });
    expect((await scene.audit()).findings).toEqual([]);
  });
});
