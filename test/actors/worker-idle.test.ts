import { describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { until } from '../support/until.js';
import { Rig } from './support/rig.js';

const rig = new Rig();

describe('a worker with a limit for its idleness', () => {
  it('stops when it had nothing to do for so long, and not while it works', async () => {
    const job = await rig.enqueue('wait', [700]);
    const { worker } = await rig.start({ isolation: 'inline', maxIdleSeconds: 0.5 });
    const sinceMs = performance.now();
    expect(await worker.done).toMatchObject({ finished: 1 });
    expect(performance.now() - sinceMs).toBeGreaterThan(1_100);
    expect((await job.fetch()).status).toBe('finished');
  });

  it('does not count the time when all are suspended', async () => {
    await rig.client.set(keys.suspended, '1');
    const told: boolean[] = [];
    const { worker } = await rig.start(
      { isolation: 'inline', maxIdleSeconds: 0.4 },
      { on: { onSuspended: (isSuspended) => void told.push(isSuspended) } },
    );
    await until('it knows', () => told.length === 1);
    const sinceMs = performance.now();
    const job = await rig.enqueue('add', [1, 2]);
    await until('a second has passed', () => performance.now() > sinceMs + 1_000);
    await rig.client.del(keys.suspended);
    expect(await job.result({ timeoutMs: 5_000 })).toBe(3);
    await worker.done;
    expect(told).toEqual([true, false]);
  });
});

describe('a worker whose queue is paused', () => {
  it('takes from the others, and from that one within a second of its resumption', async () => {
    const [paused, other] = [rig.queue('paused'), rig.queue('other')];
    await paused.pause();
    const first = await rig.enqueue('add', [1, 1], {}, paused);
    await rig.start({ isolation: 'inline', queues: ['paused', 'other'] });
    const second = await rig.enqueue('add', [2, 2], {}, other);
    expect(await second.result({ timeoutMs: 5_000 })).toBe(4);
    expect(await paused.isPaused()).toBe(true);
    expect(await paused.ids()).toEqual([first.id]);
    const third = await rig.enqueue('add', [3, 3], {}, paused);
    expect(await paused.resume()).toBe(true);
    expect(await first.result({ timeoutMs: 5_000 })).toBe(2);
    expect(await third.result({ timeoutMs: 5_000 })).toBe(6);
    expect((await rig.story('paused')).filter(({ kind }) => kind === 'handedBack')).toEqual([]);
  });

  it('ends in a burst', async () => {
    await rig.queue().pause({ seconds: 60 });
    await rig.enqueue('noop');
    const { worker } = await rig.start({ isolation: 'inline', burst: true });
    expect(await worker.done).toMatchObject({ finished: 0 });
    expect(await rig.queue().length()).toBe(1);
  });
});

describe('a worker in a burst', () => {
  it('runs all that wait for one job, which is more than its end releases at once', async () => {
    const parent = await rig.enqueue('add', [1, 2]);
    const options = { dependsOn: parent.id };
    const many = Array.from({ length: 350 }, () => ({ name: 'tasks.noop', options }));
    await rig.queue().enqueueMany(many);
    const { worker } = await rig.start({ isolation: 'inline', burst: true, concurrency: 50 });
    expect(await worker.done).toMatchObject({ finished: 351 });
    expect(await rig.queue().counts()).toMatchObject({ deferred: 0, finished: 351 });
  });

  it('ends also where it cannot look for them, and says why', async () => {
    await rig.client.set(keys.unfreed, 'no hash');
    await rig.enqueue('noop');
    const { worker, troubles } = await rig.start({ isolation: 'inline', burst: true });
    expect(await worker.done).toMatchObject({ finished: 1 });
    expect(troubles.map(String).join()).toContain(keys.unfreed);
  });
});

describe('a worker with queues in turns', () => {
  it('works them off side by side', async () => {
    const [a, b] = [rig.queue('a'), rig.queue('b')];
    const spec = { name: 'tasks.noop' };
    await a.enqueueMany(Array.from({ length: 40 }, () => spec));
    await b.enqueueMany(Array.from({ length: 40 }, () => spec));
    const { worker, settled } = await rig.start({
      isolation: 'inline',
      queues: ['a', 'b'],
      order: { weights: { b: 3 } },
      concurrency: 1,
      prefetch: 0,
      burst: true,
    });
    await worker.done;
    const first = settled.slice(0, 40).map(({ job }) => job.queue);
    expect(Math.abs(first.filter((queue) => queue === 'b').length - 30)).toBeLessThanOrEqual(2);
    expect(settled).toHaveLength(80);
  });
});
