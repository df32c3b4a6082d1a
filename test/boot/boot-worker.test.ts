import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { config as rxConfig } from 'rxjs';
import { bootWorker } from '../../src/boot/boot-worker.js';
import { keys } from '../../src/redis/keys.js';
import { Rq } from '../../src/streams/rq.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { fixture, WorkerProcess } from './support/worker-process.js';

let redis: FreshRedis;
let rq: Rq;

beforeAll(async () => {
  redis = await freshRedis();
  rq = new Rq({ url: redis.url });
});
afterEach(async () => {
  await WorkerProcess.endAll();
  await redis.client.flushdb();
});
afterAll(async () => {
  await rq.close();
  await redis.close();
});

const handlers = fixture('plain.js');
const registered = () => redis.client.smembers(keys.workers);

describe('bootWorker', () => {
  it.each(['pool', 'inline'] as const)(
    'runs functions, tasks and named handlers, %s',
    async (isolation) => {
      const worker = await bootWorker({ url: redis.url, handlers, isolation });
      expect(worker.handlers).toEqual(['any name', 'plain.add', 'plain.wait', 'reports.build']);
      const jobs = await rq
        .queue()
        .enqueueMany([
          { name: 'plain.add', args: [1, 2] },
          { name: 'reports.build', args: [21] },
          { name: 'any name' },
        ]);
      const results = await Promise.all(jobs.map((job) => job.result({ timeoutMs: 5_000 })));
      expect(results).toEqual([3, 42, 'any']);
      expect(await worker.stop()).toEqual({ finished: 3, failed: 0, left: [] });
      expect(await worker.done).toEqual({ finished: 3, failed: 0, left: [] });
    },
  );

  it.each([
    [{}, 'handlers: it must name a module'],
    [{ handlers: [] }, 'handlers: it must name a module'],
    [{ handlers, concurency: 2 }, 'concurency: it is none of'],
    [{ handlers, url: 'http://localhost' }, 'url: it must start with redis://'],
    [{ handlers: 'https://example.com/tasks.js' }, 'it is not a file'],
  ])('refuses %j, and nothing is left behind', async (options, message) => {
    const listeners = process.listenerCount('SIGTERM');
    await expect(
      bootWorker({ url: redis.url, ...options } as Parameters<typeof bootWorker>[0]),
    ).rejects.toThrow(message);
    await until('it listens to no signal', () => process.listenerCount('SIGTERM') === listeners);
  });

  it('listens to signals and to subscribers that throw only as long as it lives', async () => {
    const listeners = process.listenerCount('SIGTERM');
    const worker = await bootWorker({ url: redis.url, handlers, isolation: 'inline' });
    expect(process.listenerCount('SIGTERM')).toBe(listeners + 1);
    expect(rxConfig.onUnhandledError).not.toBeNull();
    await worker.stop();
    await until('it let go', () => process.listenerCount('SIGTERM') === listeners);
    expect(rxConfig.onUnhandledError).toBeNull();
    const deaf = await bootWorker({
      url: redis.url,
      handlers,
      isolation: 'inline',
      handleSignals: false,
    });
    expect(process.listenerCount('SIGTERM')).toBe(listeners);
    await deaf.stop();
  });
});

describe.each(['pool', 'inline'] as const)('a worker process, %s', (isolation) => {
  it('lets its job end at the first signal, then exits by itself', async () => {
    const worker = new WorkerProcess({ url: redis.url, handlers, isolation });
    await worker.told('handlers');
    const job = await rq.queue().enqueue('plain.wait', 300);
    // Claimed is not enough: what has not begun goes back.
    await until('its handler has begun', () => redis.client.hget(keys.job(job.id), 'x_progress'));
    worker.child.kill('SIGTERM');
    expect(await worker.told('summary')).toEqual({ finished: 1, failed: 0, left: [] });
    expect(await worker.exit()).toBe(0);
    expect(await registered()).toEqual([]);
  });

  it('hands its job back at the second one, within two seconds', async () => {
    const worker = new WorkerProcess({ url: redis.url, handlers, isolation });
    await worker.told('handlers');
    const job = await rq.queue().enqueue('plain.wait', 5_000);
    await worker.told('claimed');
    const began = performance.now();
    worker.child.kill('SIGINT');
    await until('it stopped claiming', async () => {
      await rq.queue().length();
      return performance.now() - began > 100;
    });
    worker.child.kill('SIGTERM');
    expect(await worker.told('summary')).toEqual({ finished: 0, failed: 0, left: [] });
    expect(performance.now() - began).toBeLessThan(2_100);
    expect(await rq.queue().ids()).toEqual([job.id]);
  });

  it('that is told to stop while it comes up leaves as soon as it is up, and claims nothing', async () => {
    const job = await rq.queue().enqueue('slow.noop');
    const worker = new WorkerProcess({ url: redis.url, handlers: fixture('slow.js'), isolation });
    await until('it is registered', async () => (await registered()).length > 0);
    worker.child.kill('SIGTERM');
    expect(await worker.told('summary')).toMatchObject({ failed: 0, left: [] });
    expect(await worker.exit()).toBe(0);
    expect(await registered()).toEqual([]);
    expect(['queued', 'finished']).toContain((await job.fetch()).status);
  });
});
