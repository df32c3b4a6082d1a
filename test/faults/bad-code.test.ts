import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { Scene } from './support/scene.js';
import { fixture } from './support/victim.js';

let scene: Scene;

beforeEach(async () => {
  scene = await Scene.open({ narrowLeaseMs: 3_000 });
});
afterEach(() => scene.close());

describe('a worker whose owner’s code throws', () => {
  it('F11: in every hook still ends all jobs, and tells of it', async () => {
    const queue = scene.rq.queue('default');
    const jobs = await queue.enqueueMany(
      Array.from({ length: 50 }, () => ({ name: 'handlers.note' })),
    );
    const worker = await scene.worker({ isolation: 'inline', throwing: true });
    for (const job of jobs) expect(await job.result({ timeoutMs: 10_000 })).toBe(1);
    worker.signal('SIGTERM');
    expect(await worker.end()).toBe(0);
    expect(worker.troubles.join()).toContain('a subscriber that throws');
    expect((await scene.audit()).findings).toEqual([]);
  });
});

describe('a handler module that fails only in the child', () => {
  it('F15: keeps the worker from starting, and costs no job an attempt', async () => {
    const job = await scene.rq.queue('default').enqueue('only-in-child.never');
    const handlers = fixture('only-in-child.mjs');
    const worker = scene.victim({ isolation: 'pool', handlers, env: { BREAK_IN_CHILD: '1' } });
    const failed = await worker.said('failed', 20_000);
    expect(failed).toMatchObject({ name: 'WorkerStartError' });
    expect(`${failed.message} ${failed.cause}`).toContain('this module fails only in the child');
    expect(await worker.end()).toBe(1);
    expect(await scene.story(job.id)).toBe('enqueued');
    expect(await scene.rq.redis.hget(keys.job(job.id), 'x_attempt')).toBeNull();
  });
});

describe('jobs that kill their child', () => {
  it('F16, F39: fail one by one, while the others run', async () => {
    const queue = scene.rq.queue('default');
    const names = Array.from({ length: 60 }, (_, n) =>
      n % 4 === 0 ? 'handlers.abort' : 'handlers.note',
    );
    const jobs = await queue.enqueueMany(names.map((name) => ({ name })));
    const worker = await scene.worker({ isolation: 'pool', concurrency: 2 });
    await scene.drained(['default'], 60_000);
    const statuses = await Promise.all(jobs.map(({ id }) => scene.status(id)));
    expect(statuses).toEqual(
      names.map((name) => (name === 'handlers.abort' ? 'failed' : 'finished')),
    );
    const reasons = (await scene.events()).flatMap((event) =>
      event.kind === 'quarantined' ? [event.reason] : [],
    );
    expect(reasons).toHaveLength(15);
    for (const reason of reasons) expect(reason).toContain('SIGABRT');
    expect(worker.isGone).toBe(false);
    worker.signal('SIGTERM');
    expect(await worker.end()).toBe(0);
    expect((await scene.audit()).findings).toEqual([]);
  }, 90_000);
});
