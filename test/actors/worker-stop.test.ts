import { describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import type { Job } from '../../src/streams/job.js';
import { startPrivateRedis } from '../support/redis.js';
import { startStopStorm } from '../support/start-stop-storm.js';
import { until } from '../support/until.js';
import { begun, linesOf, Rig } from './support/rig.js';

const rig = new Rig();
const ids = (jobs: readonly Job[]) => jobs.map(({ id }) => id);

const handedBack = async () =>
  (await rig.story()).flatMap((event) => (event.kind === 'handedBack' ? [event.reason] : []));

describe('a warm stop', () => {
  it.each(['pool', 'inline', 'fork-per-job'] as const)(
    'lets running jobs end and claims no other, %s',
    async (isolation) => {
      const [path, gate] = [rig.path(), rig.gate()];
      const jobs = await rig.enqueueMany(5, 'waitForGate', [path, gate.path]);
      const { worker, claimed } = await rig.start({ isolation, concurrency: 2 });
      await begun(path, 2);
      const stopping = worker.stop();
      gate.open();
      expect(await stopping).toEqual({ finished: 2, failed: 0, left: [] });
      expect(await worker.done).toEqual({ finished: 2, failed: 0, left: [] });
      expect(claimed.toSorted()).toEqual(ids(jobs.slice(0, 2)).toSorted());
      expect(await rig.queue().ids()).toEqual(ids(jobs.slice(2)));
      expect(await rig.client.smembers(keys.workers)).toEqual([]);
    },
  );

  it('hands back what was claimed and has not begun, uncharged', async () => {
    const short = await rig.enqueueMany(300, 'wait', [1]);
    const path = rig.path();
    const gate = rig.gate();
    const { worker, settled } = await rig.start();
    await until('the window is open', () => settled.length >= 100);
    const [blocking] = await rig
      .queue()
      .enqueueMany([
        { name: 'tasks.waitForGate', args: [path, gate.path], options: { atFront: true } },
      ]);
    await begun(path);
    const stopping = worker.stop();
    gate.open();
    expect((await stopping).left).toEqual([]);
    const waiting = await rig.queue().ids();
    const ended = settled
      .filter(({ verdict }) => verdict === 'finished')
      .map(({ job }) => job.jobId)
      .filter((id) => id !== blocking?.id);
    expect(ended.length + waiting.length).toBe(short.length);
    // What a claim under way brings goes back last, so that their order may differ a little.
    expect(waiting.toSorted()).toEqual(ids(short).slice(-waiting.length).toSorted());
    const story = await rig.story();
    for (const id of waiting) {
      const hash = await rig.client.hmget(keys.job(id), 'status', 'x_attempt', 'x_exec');
      const starts = story.filter((event) => event.jobId === id && event.kind === 'started');
      expect(hash).toEqual(['queued', starts.length > 0 ? '1' : null, null]);
    }
  });
});

describe('the end of the grace', () => {
  it('aborts what still runs, and it goes back to the head of its queue uncharged', async () => {
    const [path, gate] = [rig.path(), rig.gate()];
    const jobs = await rig.enqueueMany(3, 'waitForGate', [path, gate.path]);
    const { worker } = await rig.start({ concurrency: 2 });
    await begun(path, 2);
    expect(await worker.stop({ graceMs: 100 })).toEqual({ finished: 0, failed: 0, left: [] });
    expect(linesOf(path).filter((line) => line.endsWith(': shutdown'))).toHaveLength(2);
    expect(await handedBack()).toEqual(['shutdown', 'shutdown']);
    expect((await rig.queue().ids()).toSorted()).toEqual(ids(jobs).toSorted());
    expect((await rig.queue().ids())[2]).toBe(jobs[2]?.id);
    for (const job of jobs) expect((await job.fetch()).status).toBe('queued');
    expect(await rig.wip()).toBe(0);
  });

  it('can be brought nearer by a second call, not put off', async () => {
    const [path, gate] = [rig.path(), rig.gate()];
    await rig.enqueue('waitForGate', [path, gate.path]);
    const { worker } = await rig.start();
    await begun(path);
    const first = worker.stop({ graceMs: 60_000 });
    void worker.stop({ graceMs: 120_000 });
    const began = performance.now();
    expect(worker.stop({ graceMs: 200 })).toBe(first);
    await first;
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(await handedBack()).toEqual(['shutdown']);
  });
});

describe('a cold stop', () => {
  it.each([
    ['pool', 'deaf'],
    ['pool', 'loopForEver'],
    ['fork-per-job', 'loopForEver'],
    ['inline', 'deaf'],
  ] as const)(
    'takes less than two seconds, %s, whatever the handler does: %s',
    async (isolation, handler) => {
      const path = rig.path();
      const job = await rig.enqueue(handler, [path]);
      const { worker } = await rig.start({ isolation });
      await begun(path);
      const began = performance.now();
      expect(await worker.stop({ graceMs: 0 })).toEqual({ finished: 0, failed: 0, left: [] });
      expect(performance.now() - began).toBeLessThan(2_000);
      expect(await handedBack()).toEqual(['shutdown']);
      expect(await rig.queue().ids()).toEqual([job.id]);
      expect((await job.fetch()).status).toBe('queued');
    },
  );

  it('may follow a warm one', async () => {
    const path = rig.path();
    await rig.enqueue('deaf', [path]);
    const { worker } = await rig.start();
    await begun(path);
    const stopping = worker.stop();
    const began = performance.now();
    await worker.stop({ graceMs: 0 });
    await stopping;
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe('a stop without Redis', () => {
  it.each(['is gone', 'is frozen'])(
    'ends within the grace and 5 s, and names what is left: Redis %s',
    async (how) => {
      const redis = await startPrivateRedis();
      try {
        const path = rig.path();
        const job = await rig.enqueue('deaf', [path], {}, rig.queue('default', redis.url));
        const { worker } = await rig.start({ url: redis.url });
        await begun(path);
        if (how === 'is gone') await redis.stop();
        else redis.freeze();
        const began = performance.now();
        expect(await worker.stop({ graceMs: 200 })).toEqual({
          finished: 0,
          failed: 0,
          left: [job.id],
        });
        expect(performance.now() - began).toBeLessThan(5_200);
      } finally {
        await redis.stop();
      }
    },
  );
});

describe('a worker', () => {
  it('can be stopped at any moment, any number of times', async () => {
    let storms = 0;
    await startStopStorm(
      () => {
        storms += 1;
        return rig.make({ isolation: storms % 6 === 0 ? 'pool' : 'inline' }).worker;
      },
      { rounds: 2 },
    );
    expect(await rig.client.smembers(keys.workers)).toEqual([]);
    expect(storms).toBeGreaterThan(20);
  });

  it('that is stopped before it is started never starts', async () => {
    const { worker } = rig.make();
    expect(await worker.stop()).toEqual({ finished: 0, failed: 0, left: [] });
    await expect(worker.start()).rejects.toThrow('it was stopped before');
    expect(await worker.done).toEqual({ finished: 0, failed: 0, left: [] });
  });

  it('that is stopped while it starts rejects the start, and is gone', async () => {
    const { worker, claimed } = rig.make();
    await rig.enqueueMany(3, 'noop');
    const starting = worker.start();
    await until('it is registered', () =>
      rig.client.exists(keys.worker(worker.plan.name)).then(Boolean),
    );
    await Promise.all([
      expect(starting).rejects.toThrow('it was stopped while it started'),
      worker.stop(),
    ]);
    expect(claimed).toEqual([]);
    expect(await rig.client.smembers(keys.workers)).toEqual([]);
  });
});
