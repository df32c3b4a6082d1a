import { writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { WorkerGaveUpError, WorkerStartError } from '../../src/actors/errors.js';
import { RedisUnavailableError } from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { begun, fixture, Rig } from './support/rig.js';

const rig = new Rig();

describe('the start of a worker', () => {
  it.each(['pool', 'inline'] as const)(
    'fails at once for a module that does not load, and says which and why, %s',
    async (isolation) => {
      const jobs = await rig.enqueueMany(2, 'noop');
      const { worker, claimed } = rig.make(
        { isolation, concurrency: 2 },
        { modules: [fixture('broken.js')] },
      );
      const failure = await worker.start().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(WorkerStartError);
      expect(String(failure)).toContain('fixtures/broken.js');
      expect(String(failure)).toContain('no license for Tuesday');
      await expect(worker.done).rejects.toBe(failure);
      expect(claimed).toEqual([]);
      expect(await rig.queue().length()).toBe(jobs.length);
      expect(await rig.client.smembers(keys.workers)).toEqual([]);
      // Its name is free again.
      await rig.start({ name: worker.plan.name, isolation });
    },
  );

  it('fails for a name that a living worker has, and leaves that one alone', async () => {
    const { worker } = await rig.start({ name: 'taken' });
    await expect(rig.make({ name: 'taken' }).worker.start()).rejects.toThrow(
      'A worker named "taken" is alive already',
    );
    expect(await rig.client.smembers(keys.workers)).toEqual([keys.worker('taken')]);
    await worker.stop();
    await rig.start({ name: 'taken' });
  });

  it('fails when there is no Redis', async () => {
    const { worker } = rig.make({ url: 'redis://127.0.0.1:1' });
    await expect(worker.start()).rejects.toThrow(RedisUnavailableError);
    await expect(worker.done).rejects.toThrow(RedisUnavailableError);
  });
});

describe('a worker whose executors do not come up any more', () => {
  it('gives up: its jobs go back, it signs off, and `done` says why', async () => {
    const broken = rig.path();
    const queue = rig.queue();
    const { worker, troubles } = await rig.start(
      { env: { RXRQ_TEST_BREAK: broken }, wire: { narrowLeaseMs: 60_000 } },
      { modules: [fixture('fragile.js')] },
    );
    writeFileSync(broken, '');
    const jobs = await queue.enqueueMany([{ name: 'fragile.dies' }, { name: 'fragile.dies' }]);
    const failure = await worker.done.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WorkerGaveUpError);
    expect(String(failure)).toContain('more than 3 restarts');
    expect(String(failure)).toContain('the configuration is gone');
    expect(troubles).toContain(failure);
    expect(await worker.stop()).toEqual({ finished: 0, failed: 1, left: [] });
    expect(await queue.ids()).toEqual([jobs[1]?.id]);
    expect(await rig.wip()).toBe(0);
    expect(await rig.client.smembers(keys.workers)).toEqual([]);
  });

  it('hands back what another of its executors is running', async () => {
    const [broken, path] = [rig.path(), rig.path()];
    const queue = rig.queue();
    const { worker } = await rig.start(
      { env: { RXRQ_TEST_BREAK: broken }, concurrency: 2 },
      { modules: [fixture('fragile.js'), fixture('tasks.js')] },
    );
    const gate = rig.gate();
    const running = await rig.enqueue('deaf', [path]);
    await rig.enqueue('waitForGate', [path, gate.path]);
    await begun(path, 2);
    gate.open();
    writeFileSync(broken, '');
    await queue.enqueueMany([{ name: 'fragile.dies' }]);
    await expect(worker.done).rejects.toThrow('gave up');
    expect(await queue.ids()).toEqual([running.id]);
    expect(await rig.wip()).toBe(0);
  });
});

describe('what a listener throws', () => {
  it('costs no job its outcome', async () => {
    const job = await rig.enqueue('add', [1, 2]);
    const oops = new Error('the listener is broken');
    const { worker, troubles } = await rig.start(
      { burst: true },
      {
        on: {
          onSettled: () => {
            throw oops;
          },
        },
      },
    );
    expect(await worker.done).toMatchObject({ finished: 1 });
    expect(await job.result({ timeoutMs: 1_000 })).toBe(3);
    expect(troubles).toEqual([oops]);
  });
});
