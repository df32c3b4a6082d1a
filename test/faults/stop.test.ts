import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { until } from '../support/until.js';
import { Scene } from './support/scene.js';

let scene: Scene;

beforeEach(async () => {
  scene = await Scene.open({ narrowLeaseMs: 3_000 });
});
afterEach(() => scene.close());

const begun = (count: number) =>
  until(`${count} jobs began`, () => scene.ledger().length >= count && scene.ledger());
const isolations = ['pool', 'inline'] as const;

describe('SIGTERM', () => {
  it.each(isolations)(
    'F06: lets running jobs end and takes no new ones (%s)',
    async (isolation) => {
      const worker = await scene.worker({ isolation, concurrency: 3 });
      const specs = Array.from({ length: 53 }, () => ({ name: 'handlers.sleep', args: [1_000] }));
      await scene.rq.queue('default').enqueueMany(specs);
      await begun(3);
      worker.signal('SIGTERM');
      const askedMs = performance.now();
      expect(await worker.end()).toBe(0);
      expect(performance.now() - askedMs).toBeLessThan(5_000);
      expect(await worker.said('done')).toMatchObject({ finished: 3, failed: 0, left: [] });
      expect(await scene.rq.queue('default').counts()).toMatchObject({
        queued: 50,
        started: 0,
        finished: 3,
      });
      expect(await scene.rq.redis.exists(keys.intermediate('default'))).toBe(0);
      expect(await scene.rq.redis.smembers(keys.workers)).toEqual([]);
      expect((await scene.events()).filter(({ kind }) => kind === 'recovered')).toEqual([]);
      expect((await scene.audit()).findings).toEqual([]);
    },
  );

  it.each(isolations)(
    'F07: gives jobs back that outlast the grace, and charges nothing (%s)',
    async (isolation) => {
      const worker = await scene.worker({
        isolation,
        concurrency: 1,
        graceMs: 500,
        killGraceMs: 500,
      });
      const queue = scene.rq.queue('default');
      const retry = { max: 1 };
      const job = await queue.enqueueWith({ retry }, 'handlers.sleep', 120_000);
      const behind = await queue.enqueue('handlers.note');
      await begun(1);
      worker.signal('SIGTERM');
      const askedMs = performance.now();
      expect(await worker.end()).toBe(0);
      expect(performance.now() - askedMs).toBeLessThan(5_000);
      expect(await queue.ids()).toEqual([job.id, behind.id]);
      expect(await scene.story(job.id)).toBe('enqueued started handedBack');
      expect(
        await scene.rq.redis.hmget(keys.job(job.id), 'status', 'retries_left', 'x_recoveries'),
      ).toEqual(['queued', '1', null]);
      expect((await scene.audit()).findings).toEqual([]);
    },
  );

  it('F08: twice ends at once, whatever the jobs do', async () => {
    const worker = await scene.worker({ isolation: 'pool', concurrency: 2 });
    const specs = Array.from({ length: 2 }, () => ({ name: 'handlers.sleepOn', args: [120_000] }));
    const jobs = await scene.rq.queue('default').enqueueMany(specs);
    const lines = await begun(2);
    const { name } = await worker.said('ready');
    worker.signal('SIGTERM');
    await until('it heard the first', () =>
      scene.rq.redis.hget(keys.worker(String(name)), 'shutdown_requested_date'),
    );
    worker.signal('SIGTERM');
    const askedMs = performance.now();
    expect(await worker.end()).toBe(0);
    expect(performance.now() - askedMs).toBeLessThan(3_000);
    for (const job of jobs) expect(await scene.story(job.id)).toBe('enqueued started handedBack');
    for (const { pid } of lines) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('F09: while Redis is away ends in time, and names the jobs that are left', async () => {
    const worker = await scene.worker({ isolation: 'pool', graceMs: 500, killGraceMs: 500 });
    const job = await scene.rq.queue('default').enqueue('handlers.sleep', 120_000);
    await begun(1);
    await scene.server.kill();
    worker.signal('SIGTERM');
    const askedMs = performance.now();
    expect(await worker.end(20_000)).toBe(1);
    expect(performance.now() - askedMs).toBeLessThan(10_000);
    expect(await worker.said('done')).toMatchObject({ left: [job.id] });
    // ioredis keeps a timer for two seconds when it is closed while it has no connection.
    await scene.server.restart();
    await until('we are connected again', () => scene.rq.redis.ping().catch(() => false));
  });
});
