import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { bootWorker, Rq, type RunningWorker } from '../../src/index.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';

// A server of their own: it counts the calls of all its guests together.
let redis: Awaited<ReturnType<typeof startPrivateRedis>>;
let rq: Rq;
const workers: RunningWorker[] = [];
beforeAll(async () => {
  redis = await startPrivateRedis();
  rq = new Rq({ url: redis.url });
});
beforeEach(() => rq.redis.flushdb());
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop({ graceMs: 0 })));
});
afterAll(async () => {
  await rq.close();
  await redis.stop();
});

const boot = async (options: object = {}): Promise<RunningWorker> => {
  const worker = await bootWorker({
    url: redis.url,
    handlers: new URL('../interop/fixtures/nodejobs.js', import.meta.url),
    isolation: 'inline',
    concurrency: 5,
    handleSignals: false,
    ...options,
  });
  workers.push(worker);
  return worker;
};
/** Calls of scripts that Redis has served. */
const scriptCalls = async (): Promise<number> => {
  const info = await rq.redis.info('commandstats');
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1] ?? 0);
};
const adds = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ name: 'nodejobs.add', args: [n] }));

describe('workers of a queue with a limit of starts', () => {
  it('go by it together, leave other queues alone, and do not spin', async () => {
    await rq.queue('slow').limit({ max: 3, perSeconds: 3_600 });
    await rq.queue('slow').enqueueMany(adds(10));
    await Promise.all([boot({ queues: ['slow', 'fast'] }), boot({ queues: ['slow', 'fast'] })]);
    await until('three have run', async () => (await rq.queue('slow').counts()).finished === 3);
    const before = await scriptCalls();
    const sinceMs = performance.now();
    await rq.queue('fast').enqueueMany(adds(20));
    await until('all of the other queue', async () => {
      const { finished } = await rq.queue('fast').counts();
      return finished === 20;
    });
    await until('a while has passed', () => performance.now() - sinceMs > 2_500);
    expect((await rq.queue('slow').counts()).finished).toBe(3);
    expect(await rq.queue('slow').length()).toBe(7);
    expect(await rq.redis.llen('rq:queue:slow:intermediate')).toBe(0);
    // A look a second for each of two workers, their jobs, heartbeats and janitors.
    expect((await scriptCalls()) - before).toBeLessThan(150);
  }, 30_000);

  it('notice within a second or two that it was lifted', async () => {
    await rq.queue('slow').limit({ max: 1, perSeconds: 3_600 });
    await rq.queue('slow').enqueueMany(adds(5));
    await boot({ queues: ['slow'] });
    await until('one has run', async () => (await rq.queue('slow').counts()).finished === 1);
    const sinceMs = performance.now();
    expect(await rq.queue('slow').unlimit()).toBe(true);
    await until('all have run', async () => (await rq.queue('slow').counts()).finished === 5);
    expect(performance.now() - sinceMs).toBeLessThan(4_000);
  });

  it('go on when the window has moved; a burst waits for it', async () => {
    await rq.queue('slow').limit({ max: 2, perSeconds: 0.4 });
    const jobs = await rq.queue('slow').enqueueMany(adds(6));
    const worker = await boot({ queues: ['slow'], burst: true });
    expect(await worker.done).toMatchObject({ finished: 6 });
    const starts = await Promise.all(jobs.map(async (job) => (await job.fetch()).startedAt));
    const times = starts.map((date) => date?.getTime() ?? 0).sort((a, b) => a - b);
    for (let n = 0; n + 2 < times.length; n += 1)
      expect((times[n + 2] as number) - (times[n] as number)).toBeGreaterThanOrEqual(400);
  });
});

describe('workers and a rate limit', () => {
  it('run so many at a time, over all queues and workers', async () => {
    const rateLimit = { key: 'tenant', concurrency: 2 };
    const running = new Set<string>();
    let most = 0;
    const watching = (await rq.events(['a', 'b'], 'now').ready()).subscribe((event) => {
      if (event.kind === 'started') running.add(event.jobId);
      if (event.kind === 'finished' || event.kind === 'quarantined') running.delete(event.jobId);
      most = Math.max(most, running.size);
    });
    for (let n = 0; n < 20; n += 1)
      await rq
        .queue(n % 2 ? 'a' : 'b')
        .enqueueWith({ rateLimit }, n % 5 ? 'nodejobs.hang' : 'nodejobs.fail', 20);
    await Promise.all([boot({ queues: ['a', 'b'] }), boot({ queues: ['b', 'a'] })]);
    await until('all have ended', async () => {
      const [a, b] = await Promise.all([rq.queue('a').counts(), rq.queue('b').counts()]);
      return a.finished + b.finished + a.failed + b.failed === 20;
    });
    watching.unsubscribe();
    // Each queue has a log of its own: of a change of two jobs the end may be told after the begin.
    expect(most).toBeLessThanOrEqual(4);
    expect(await rq.redis.keys('rq:rl*')).toEqual([]);
  }, 30_000);
});
