import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RedisUnavailableError } from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { loadScript } from '../../src/redis/scripts.js';
import { Rq } from '../../src/streams/rq.js';
import type { LossyProxy } from '../support/lossy-proxy.js';
import { until } from '../support/until.js';
import { Scene } from './support/scene.js';
import { isWhole, slow } from './support/whole.js';

const exchange = loadScript('settle-and-claim').sha;
let scene: Scene;
let proxy: LossyProxy;

const open = async (narrowLeaseMs = 3_000): Promise<void> => {
  scene = await Scene.open({ narrowLeaseMs });
  proxy = await scene.network();
};
beforeEach(() => open());
afterEach(async () => {
  proxy.mode = { kind: 'pass' };
  await scene.close();
});

const worker = (isolation: 'inline' | 'pool' = 'inline', concurrency = 1) =>
  scene.worker({ url: proxy.url, isolation, concurrency });

/** Up, and waiting in its pops. */
const idleWorker = async (...args: Parameters<typeof worker>) => {
  const victim = await worker(...args);
  const [job] = await scene.enqueue(1);
  expect(await job?.result({ timeoutMs: 15_000 })).toBe(1);
  const isWaiting = async (): Promise<boolean> =>
    String(await scene.rq.redis.client('LIST')).includes('cmd=blmove');
  await until('the worker waits', isWaiting);
  return victim;
};

const ends = async (victim: Awaited<ReturnType<typeof worker>>): Promise<void> => {
  victim.signal('SIGTERM');
  expect(await victim.end()).toBe(0);
};

const residentMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;

describe('the network of a worker', () => {
  it('F61: resets the connection on which it waits: the next job runs at once', async () => {
    const victim = await idleWorker();
    for (let round = 0; round < 3; round += 1) {
      proxy.cutAll();
      const [job] = await scene.enqueue(1);
      expect(await job?.result({ timeoutMs: 5_000 })).toBe(1);
    }
    await ends(victim);
    expect((await scene.events()).filter(({ kind }) => kind === 'started')).toHaveLength(4);
    expect(await scene.findings()).toEqual([]);
  });

  it('F62: loses the reply to a claim, twice: the same request brings the same job', async () => {
    const victim = await idleWorker();
    const lose = { kind: 'lose' as const, matching: exchange, times: 2 };
    proxy.mode = lose;
    const jobs = await scene.enqueue(3);
    for (const job of jobs) expect(await job.result({ timeoutMs: 15_000 })).toBe(1);
    expect(lose.times).toBe(0);
    for (const { id } of jobs) {
      expect(await scene.story(id)).toBe('enqueued started finished');
      expect(await scene.rq.redis.hget(keys.job(id), 'x_attempt')).toBe('1');
      expect(scene.ledger().filter((line) => line.id === id)).toHaveLength(1);
    }
    await ends(victim);
    expect(await scene.findings()).toEqual([]);
  });

  it.each(['inline', 'pool'] as const)(
    'F63: loses the reply to an outcome: it is written once, counted once (%s)',
    async (isolation) => {
      const victim = await idleWorker(isolation);
      const name = String((await victim.said('ready')).name);
      const [job] = await scene.enqueue(1, 'handlers.sleep', 600, 'slept');
      await scene.begun(2);
      const lose = { kind: 'lose' as const, matching: exchange, times: 2 };
      proxy.mode = lose;
      expect(await job?.result({ timeoutMs: 15_000 })).toBe('slept');
      await until('two replies were lost', () => lose.times === 0);
      const counted = () => scene.rq.redis.hget(keys.worker(name), 'successful_job_count');
      await until('it is counted', async () => (await counted()) === '2');
      expect(await scene.story(job?.id ?? '')).toBe('enqueued started finished');
      await ends(victim);
      expect(await victim.said('done')).toMatchObject({ finished: 2, failed: 0, left: [] });
      expect(await scene.findings()).toEqual([]);
    },
  );

  it('F04: holds the reply to a claim, and the worker is killed: the job runs elsewhere', async () => {
    const victim = await idleWorker();
    proxy.mode = { kind: 'lose', matching: exchange, silently: true };
    const [job] = await scene.enqueue(1, 'handlers.sleep', 10, 'slept');
    const id = job?.id ?? '';
    await until('it was claimed', async () => (await scene.status(id)) === 'started');
    expect(scene.ledger().filter((line) => line.id === id)).toEqual([]);
    await victim.kill();
    await scene.worker({ isolation: 'inline' });
    expect(await job?.result({ timeoutMs: 20_000 })).toBe('slept');
    expect(await scene.story(id)).toBe('enqueued started recovered started finished');
    expect(scene.ledger().filter((line) => line.id === id && line.phase === 'begin')).toHaveLength(
      1,
    );
    expect(await scene.findings()).toEqual([]);
  });

  it('F65: goes silent and comes back: all that was swallowed runs, once', async () => {
    const victim = await idleWorker('pool', 2);
    const long = await scene.enqueue(1, 'handlers.sleep', 2_000, 'slept');
    await scene.begun(2);
    proxy.mode = { kind: 'halfOpen' };
    const during = await scene.enqueue(10);
    // Longer than a connection that answers nothing is believed in.
    await delay(isWhole ? 60_000 : 9_000);
    proxy.mode = { kind: 'pass' };
    await scene.drained(['default'], 40_000);
    const ids = [...long, ...during].map(({ id }) => id);
    const { lost, twice } = await scene.outcome(ids);
    expect({ lost, twice }).toEqual({ lost: 0, twice: 0 });
    await ends(victim);
    expect(await scene.findings()).toEqual([]);
  }, 150_000);

  it('F66: goes silent, and the worker dies: its ghost swallows one id at most, which is found', async () => {
    const ghost = await idleWorker();
    proxy.mode = { kind: 'halfOpen' };
    await ghost.kill();
    const jobs = await scene.enqueue(5);
    const swallowed = await scene.rq.redis.llen(keys.intermediate('default'));
    expect(swallowed).toBeLessThanOrEqual(1);
    await scene.worker({ isolation: 'inline' });
    for (const job of jobs) expect(await job.result({ timeoutMs: 30_000 })).toBe(1);
    expect(await scene.outcome(jobs.map(({ id }) => id))).toMatchObject({ lost: 0, twice: 0 });
    expect(await scene.findings()).toEqual([]);
  }, 60_000);

  it('F67: is slow, 500 ms and 400 more or less: no lease is lost', async () => {
    const victim = await worker('inline', 4);
    proxy.mode = { kind: 'delay', ms: () => 100 + Math.random() * 800 };
    const jobs = await scene.enqueue(12, 'handlers.sleep', 300, 'slept');
    await scene.drained(['default'], 60_000);
    expect(await scene.outcome(jobs.map(({ id }) => id))).toEqual({
      ...{ lost: 0, twice: 0, foreign: 0, recovered: 0 },
    });
    expect(victim.troubles).toEqual([]);
    // What its goodbye may take is no more than a few such round trips.
    proxy.mode = { kind: 'pass' };
    await ends(victim);
    expect(await scene.findings()).toEqual([]);
  }, 90_000);

  it.each([
    ['single bytes', { bytes: 1, everyMs: 0 }],
    ['64 kB/s', { bytes: 640, everyMs: 10 }],
  ])('F68: brings replies in %s', async (_, pace) => {
    proxy.mode = { kind: 'trickle', ...pace };
    const victim = await worker('inline', 4);
    const jobs = await scene.enqueue(60);
    for (const job of jobs) expect(await job.result({ timeoutMs: 15_000 })).toBe(1);
    expect(await scene.outcome(jobs.map(({ id }) => id))).toMatchObject({ lost: 0, recovered: 0 });
    await ends(victim);
    expect(await scene.findings()).toEqual([]);
  });

  it('F69: is gone for long: the worker neither grows nor floods its log', async () => {
    const victim = await idleWorker();
    await scene.server.kill();
    await delay(2_000);
    const before = residentMiB(victim.pid);
    const told = victim.troubles.length;
    const seconds = isWhole ? 300 : 8;
    await delay(seconds * 1_000);
    expect(residentMiB(victim.pid) - before).toBeLessThan(40);
    // The same fault ever more seldom, and there are a few kinds of it.
    expect(victim.troubles.length - told).toBeLessThanOrEqual(10 + seconds / 10);
    await scene.server.restart();
    await until('we are connected again', () => scene.rq.redis.ping().catch(() => false));
    const [job] = await scene.enqueue(1);
    expect(await job?.result({ timeoutMs: 15_000 })).toBe(1);
    await ends(victim);
  }, 360_000);
});

describe('the network of a producer', () => {
  it('F64: loses replies to enqueueing: each id is in the list once', async () => {
    const producer = new Rq({ url: proxy.url, enqueueDeadlineMs: 30_000 });
    await producer.redis.ping();
    let replies = 0;
    proxy.mode = { kind: 'cut', when: () => ++replies % 7 === 0 };
    const ids: string[] = [];
    for (let n = 0; n < 100; n += 1) {
      const jobs = Array.from({ length: 10 }, () => producer.queue('default').enqueue('f', n));
      ids.push(...(await Promise.all(jobs)).map(({ id }) => id));
    }
    proxy.mode = { kind: 'pass' };
    await producer.close();
    expect(proxy.cuts).toBeGreaterThan(10);
    const listed = await scene.rq.redis.lrange(keys.queue('default'), 0, -1);
    expect(listed).toHaveLength(1_000);
    expect(new Set(listed)).toEqual(new Set(ids));
    expect(await scene.findings()).toEqual([]);
  }, 60_000);

  it('F70: is away: it is told in time whether its job may have been written, and may ask again', async () => {
    const producer = new Rq({ url: proxy.url, enqueueDeadlineMs: 1_000 });
    await producer.redis.ping();
    await scene.server.kill();
    const beganMs = performance.now();
    const attempts = Array.from({ length: 5 }, (_, n) =>
      producer.queue('default').enqueueWith({ jobId: `job-${n}` }, 'handlers.note'),
    );
    const errors = await Promise.allSettled(attempts);
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    for (const { status, ...rest } of errors) {
      expect(status).toBe('rejected');
      const { reason } = rest as { reason: unknown };
      expect(reason).toBeInstanceOf(RedisUnavailableError);
      expect((reason as RedisUnavailableError).maybeWritten).toBe(true);
    }
    await scene.server.restart();
    await until('it is connected again', () => producer.redis.ping().catch(() => false));
    // A command may have waited in the client, and be sent when Redis is back; the error has said so.
    for (let n = 0; n < 5; n += 1) {
      const keep = { jobId: `job-${n}`, onDuplicate: 'keep' as const };
      await producer.queue('default').enqueueWith(keep, 'handlers.note');
    }
    const listed = await scene.rq.redis.lrange(keys.queue('default'), 0, -1);
    expect([...listed].sort()).toEqual(['job-0', 'job-1', 'job-2', 'job-3', 'job-4']);
    await producer.close();
  });
});

describe('a network that is silent for a minute', () => {
  slow(
    'F65: leaves an idle worker that works again soon after the heal',
    async () => {
      const victim = await idleWorker();
      proxy.mode = { kind: 'halfOpen' };
      await delay(60_000);
      proxy.mode = { kind: 'pass' };
      const jobs = await scene.enqueue(10);
      for (const job of jobs) expect(await job.result({ timeoutMs: 15_000 })).toBe(1);
      await ends(victim);
      expect(await scene.findings()).toEqual([]);
    },
    120_000,
  );
});
