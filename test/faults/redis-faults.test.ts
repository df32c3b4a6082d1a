import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { until } from '../support/until.js';
import { Scene } from './support/scene.js';
import type { Victim } from './support/victim.js';
import { isWhole } from './support/whole.js';

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

const someWorkers = async (): Promise<Victim[]> => [
  await scene.worker({ queues, isolation: 'inline' }),
  await scene.worker({ queues, isolation: 'pool', concurrency: 2 }),
];

/** Each job ended once, and the workers leave in peace. */
const allEnded = async (ids: readonly string[], workers: readonly Victim[]): Promise<void> => {
  await scene.drained(queues);
  expect(await scene.outcome(ids, queues)).toMatchObject({ lost: 0, twice: 0, foreign: 0 });
  for (const worker of workers) {
    worker.signal('SIGTERM');
    const code = await worker.end();
    const left = worker.messages.find(({ kind }) => kind === 'done')?.left;
    expect({ code, left, stderr: worker.stderr }).toEqual({ code: 0, left: [], stderr: '' });
  }
  expect((await scene.audit()).findings).toEqual([]);
};

describe('Redis', () => {
  it('F45: killed and started again under load loses nothing that it had acknowledged', async () => {
    scene = await Scene.open(wire, ['--appendonly', 'yes', '--appendfsync', 'everysec']);
    const workers = await someWorkers();
    const ids = await produceDuring(async () => {
      for (let round = 0; round < 4; round++) {
        await delay(400 + Math.random() * 400);
        await scene.server.kill('SIGKILL');
        await delay(Math.random() * 300);
        await scene.server.restart();
      }
      await delay(300);
    });
    await allEnded(ids, workers);
  });

  it('F44: restarted under load goes on within seconds, and nothing is lost', async () => {
    scene = await Scene.open(wire, ['--appendonly', 'yes', '--appendfsync', 'everysec']);
    const workers = await someWorkers();
    const ids = await produceDuring(async () => {
      for (let round = 0; round < 2; round++) {
        await delay(500);
        await scene.server.kill('SIGTERM');
        await scene.server.restart();
        // Our own connection may have tried just before Redis was back, and fail what was asked of it.
        const told = () =>
          scene.events(...queues).then(
            ({ length }) => length,
            () => null,
          );
        const before = await until('Redis answers', told);
        await until('work goes on', async () => ((await told()) ?? before) > before);
      }
    });
    await allEnded(ids, workers);
  });

  it('F46: down for longer than a lease: jobs run on, and stay with their living workers', async () => {
    scene = await Scene.open(wire, ['--appendonly', 'yes', '--appendfsync', 'always']);
    const workers = await someWorkers();
    const long = await scene.enqueue(2, 'handlers.sleep', isWhole ? 75_000 : 9_000, 'slept');
    await scene.begun(2);
    const ids = await produceDuring(async () => {
      await delay(300);
      await scene.server.kill('SIGTERM');
      await delay(isWhole ? 60_000 : 5_000);
      await scene.server.restart();
      await delay(1_500);
    });
    for (const job of long) expect(await job.result({ timeoutMs: 40_000 })).toBe('slept');
    await allEnded([...ids, ...long.map(({ id }) => id)], workers);
    const recovered = (await scene.events(...queues)).filter(({ kind }) => kind === 'recovered');
    expect(recovered).toEqual([]);
  }, 150_000);

  it('F55: forgets all scripts, again and again: nobody notices', async () => {
    scene = await Scene.open(wire);
    const workers = await someWorkers();
    const ids = await produceDuring(async () => {
      for (let round = 0; round < (isWhole ? 200 : 40); round++) {
        await delay(75);
        await scene.rq.redis.script('FLUSH');
      }
    });
    await allEnded(ids, workers);
    for (const { troubles } of workers) expect(troubles).toEqual([]);
  }, 60_000);

  it('F59: kills all connections, again and again: nothing is lost or runs twice untold', async () => {
    scene = await Scene.open(wire);
    const workers = await someWorkers();
    const killer = new Redis(scene.server.url);
    const ids = await produceDuring(async () => {
      const endMs = performance.now() + (isWhole ? 30_000 : 4_000);
      while (performance.now() < endMs) {
        await killer.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        await killer.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
        await delay(50 + Math.random() * 200);
      }
    });
    killer.disconnect();
    await allEnded(ids, workers);
  }, 90_000);

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
