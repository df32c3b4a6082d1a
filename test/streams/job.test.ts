import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { firstValueFrom, lastValueFrom, take, toArray } from 'rxjs';
import { InvalidJobOperationError, NoSuchJobError } from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import type { LifecycleEvent } from '../../src/redis/lifecycle-event.js';
import { UndecodablePayloadError } from '../../src/redis/payload/index.js';
import type { Delivery } from '../../src/streams/delivery.js';
import {
  JobCanceledError,
  JobExpiredError,
  JobFailedError,
  ResultTimeoutError,
} from '../../src/streams/errors.js';
import type { Job } from '../../src/streams/job.js';
import { Rq } from '../../src/streams/rq.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';

let server: Awaited<ReturnType<typeof startPrivateRedis>>;
let redis: Redis;
let rq: Rq;

beforeAll(async () => {
  server = await startPrivateRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
});
afterAll(() => server.stop());
beforeEach(async () => {
  redis = new Redis(server.url);
  redis.on('error', () => undefined);
  await redis.flushall();
  rq = new Rq({ url: server.url });
});
afterEach(async () => {
  await rq.close();
  redis.disconnect();
});

const next = (): Promise<Delivery> => firstValueFrom(rq.queue('q').deliveries$().pipe(take(1)));
const story = (job: Job): Promise<LifecycleEvent[]> => lastValueFrom(job.events$.pipe(toArray()));
const kinds = async (job: Job): Promise<string[]> => (await story(job)).map(({ kind }) => kind);
/** As a Python worker does it: no event. */
const endInSilence = (job: Job, fields: Record<string, string>) =>
  redis.hset(keys.job(job.id), {
    status: 'finished',
    ended_at: '2026-01-01T00:00:00.000000Z',
    ...fields,
  });

describe('result', () => {
  it('is there as soon as the job has finished', async () => {
    const job = await rq.queue('q').enqueue('f');
    const result = job.result({ timeoutMs: 5_000 });
    await (await next()).finish({ words: 412 });
    expect(await result).toEqual({ words: 412 });
    expect(await job.result({ timeoutMs: 0 })).toEqual({ words: 412 });
  });

  it('comes with the event, not with the next look', async () => {
    const beganMs = performance.now();
    const job = await rq.queue('q').enqueue('f');
    const result = job.result({ timeoutMs: 10_000 });
    const delivery = await next();
    // The last look at the hash was at 1,750 ms; the next is at 3,750.
    await until('looks are rare', () => performance.now() - beganMs > 1_900);
    await delivery.finish('now');
    const finishedMs = performance.now();
    expect(await result).toBe('now');
    expect(performance.now() - finishedMs).toBeLessThan(600);
  });

  it('is null where nothing was returned', async () => {
    const job = await rq.queue('q').enqueue('f');
    await (await next()).finish();
    expect(await job.result({ timeoutMs: 1_000 })).toBeNull();
  });

  it('comes from a worker that writes no events, too', async () => {
    const job = await rq.queue('q').enqueue('f');
    const result = job.result({ timeoutMs: 5_000 });
    await endInSilence(job, { result: '"quietly"' });
    expect(await result).toBe('quietly');
  });

  it('comes from RQ’s results stream where the producer wants that', async () => {
    const job = await rq.queue('q').enqueueWith({ results: 'stream' }, 'f');
    await (await next()).finish([1, 2]);
    expect(await redis.exists(keys.results(job.id))).toBe(1);
    expect(await job.result({ timeoutMs: 1_000 })).toEqual([1, 2]);
  });

  it('rejects with what became of the job instead', async () => {
    const queue = rq.queue('q');
    const failed = await queue.enqueue('f');
    await (await next()).fail(new TypeError('no such word'));
    await expect(failed.result({ timeoutMs: 1_000 })).rejects.toThrow(JobFailedError);
    await expect(failed.result({ timeoutMs: 1_000 })).rejects.toThrow(/no such word/);
    const canceled = await queue.enqueue('f');
    const waiting = expect(canceled.result({ timeoutMs: 5_000 })).rejects.toThrow(JobCanceledError);
    await canceled.cancel();
    await waiting;
    const deleted = await queue.enqueue('f');
    await deleted.delete();
    await expect(deleted.result({ timeoutMs: 1_000 })).rejects.toThrow(JobExpiredError);
    const fleeting = await queue.enqueueWith({ resultTtlSeconds: 0 }, 'f');
    await (await next()).finish('gone');
    await expect(fleeting.result({ timeoutMs: 1_000 })).rejects.toThrow(JobExpiredError);
    const odd = await queue.enqueue('f');
    await endInSilence(odd, { result: '{' });
    await expect(odd.result({ timeoutMs: 1_000 })).rejects.toThrow(UndecodablePayloadError);
    await redis.set(keys.job('wrong'), 'no hash');
    await expect(queue.job('wrong').result({ timeoutMs: 1_000 })).rejects.toThrow(
      'Key rq:job:wrong has a wrong type',
    );
  });

  it('gives up in time, and only then', async () => {
    const job = await rq.queue('q').enqueue('f');
    const beganMs = performance.now();
    await expect(job.result({ timeoutMs: 300 })).rejects.toThrow(ResultTimeoutError);
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(299);
    expect(performance.now() - beganMs).toBeLessThan(4_000);
    await expect(job.result({ timeoutMs: Number.NaN })).rejects.toThrow(/timeoutMs/);
  });

  it('does not hang when Redis does', async () => {
    const job = await rq.queue('q').enqueue('f');
    server.freeze();
    try {
      const beganMs = performance.now();
      await expect(job.result({ timeoutMs: 400 })).rejects.toThrow(ResultTimeoutError);
      // A command to a Redis that is silent ends after 5 s.
      expect(performance.now() - beganMs).toBeLessThan(4_000);
    } finally {
      server.thaw();
    }
  });

  it('is looked at once by thousands who do not wait', async () => {
    const queue = rq.queue('q');
    const jobs = await queue.enqueueMany(Array.from({ length: 1_500 }, () => ({ name: 'f' })));
    const ending = redis.pipeline();
    for (const { id } of jobs) ending.hset(keys.job(id), 'status', 'finished', 'result', '1');
    await ending.exec();
    const results = await Promise.all(jobs.map((job) => job.result({ timeoutMs: 0 })));
    expect(new Set(results)).toEqual(new Set([1]));
  });

  it('says so when Redis did not answer', async () => {
    const job = await rq.queue('q').enqueue('f');
    await expect(job.result({ timeoutMs: 0 })).rejects.toThrow(/had no result after 0 ms$/);
    server.freeze();
    try {
      await expect(job.result({ timeoutMs: 200 })).rejects.toThrow(/Redis did not answer in time/);
    } finally {
      server.thaw();
    }
  });

  it('outlives a restart of Redis', async () => {
    const job = await rq.queue('q').enqueue('f');
    const result = job.result({ timeoutMs: 10_000 });
    await server.restart();
    const worker = new Rq({ url: server.url });
    const delivery$ = worker.queue('q').deliveries$().pipe(take(1));
    await (await firstValueFrom(delivery$)).finish('after all');
    expect(await result).toBe('after all');
    await worker.close();
  });

  it('serves a thousand waiters at once', async () => {
    const specs = Array.from({ length: 1_000 }, (_, n) => ({ name: 'f', args: [n] }));
    const jobs = await rq.queue('q').enqueueMany(specs);
    const results = Promise.all(jobs.map((job) => job.result({ timeoutMs: 10_000 })));
    rq.queue('q')
      .deliveries$({ concurrency: 100 })
      .subscribe((delivery) => delivery.finish(delivery.call().args[0]));
    expect(await results).toEqual(specs.map((_, n) => n));
  });
});

describe('events$ of a job', () => {
  it('replays the story of a job that is over, and completes', async () => {
    const job = await rq.queue('q').enqueueWith({ retry: { max: 1 } }, 'f');
    await (await next()).handBack();
    await (await next()).fail(new Error('once'));
    await (await next()).finish('at last');
    const told = [
      'enqueued',
      'started',
      'handedBack',
      'started',
      'failed',
      'retried',
      'started',
      'finished',
    ];
    expect(await kinds(job)).toEqual(told);
    expect(await kinds(job)).toEqual(told);
  });

  it('tells what happens while it is listened to, each event once', async () => {
    const job = await rq.queue('q').enqueue('f');
    const told = kinds(job);
    await rq.queue('q').enqueue('another');
    await (await next()).finish();
    expect(await told).toEqual(['enqueued', 'started', 'finished']);
  });

  it('goes on with a job that was requeued, to its last end', async () => {
    const job = await rq.queue('q').enqueue('f');
    await (await next()).fail(new Error('once'));
    await job.requeue();
    const told = kinds(job);
    await (await next()).finish();
    expect((await told).slice(-4)).toEqual(['quarantined', 'requeued', 'started', 'finished']);
  });

  it('takes a postscript for no new beginning', async () => {
    const job = await rq.queue('q').enqueue('f');
    const delivery = await next();
    await redis.zrem(keys.wip('q'), `${job.id}:${delivery.execution}`);
    await job.cancel();
    await delivery.finish();
    const told = await kinds(job);
    expect(told.filter((kind) => kind === 'canceled')).toHaveLength(1);
  });

  it('tells the end from the hash where the log was trimmed', async () => {
    const job = await rq.queue('q').enqueue('f');
    await (await next()).finish();
    await rq.queue('q').enqueue('another');
    await redis.xtrim(keys.events('q'), 'MAXLEN', 1);
    expect(await story(job)).toEqual([
      expect.objectContaining({ kind: 'finished', jobId: job.id }),
    ]);
  });

  it('tells the end of a job that a worker without events ran', async () => {
    const job = await rq.queue('q').enqueue('f');
    await endInSilence(job, {});
    expect(await kinds(job)).toEqual(['enqueued', 'finished']);
  });

  it('knows how a job ended that was deleted', async () => {
    const job = await rq.queue('q').enqueue('f');
    await job.delete();
    expect(await kinds(job)).toEqual(['enqueued', 'deleted']);
  });

  it('errs for a job that never was', async () => {
    await expect(story(rq.queue('q').job('nobody'))).rejects.toThrow(NoSuchJobError);
  });

  it('outlives a restart of Redis', async () => {
    const job = await rq.queue('q').enqueue('f');
    const told = kinds(job);
    await firstValueFrom(job.events$);
    await server.restart();
    const worker = new Rq({ url: server.url });
    await (await firstValueFrom(worker.queue('q').deliveries$().pipe(take(1)))).finish();
    expect(await told).toEqual(['enqueued', 'started', 'finished']);
    await worker.close();
  });

  it('may be left at any time', async () => {
    const job = await rq.queue('q').enqueue('f');
    expect((await firstValueFrom(job.events$)).kind).toBe('enqueued');
    job.events$.subscribe().unsubscribe();
  });

  it('ends with its Rq', async () => {
    const other = new Rq({ url: server.url });
    const job = await other.queue('q').enqueue('f');
    const told = kinds(job);
    await firstValueFrom(job.events$);
    await other.close();
    expect(await told).toEqual(['enqueued']);
  });
});

describe('a job', () => {
  it('is canceled, requeued and deleted only where that makes sense', async () => {
    const queue = rq.queue('q');
    const job = await queue.enqueue('f');
    await expect(job.requeue()).rejects.toThrow(InvalidJobOperationError);
    await job.cancel();
    await expect(job.cancel()).rejects.toThrow(/canceled already/);
    expect(await queue.length()).toBe(0);
    expect(await job.delete()).toBe(true);
    expect(await job.delete()).toBe(false);
    await expect(job.cancel()).rejects.toThrow(NoSuchJobError);
    await expect(job.requeue()).rejects.toThrow(NoSuchJobError);
    await expect(job.fetch()).rejects.toThrow(NoSuchJobError);
  });

  it('keeps its meta, while it exists', async () => {
    const job = await rq.queue('q').enqueueWith({ meta: { a: 1 } }, 'f');
    await job.saveMeta({ b: [2] });
    expect((await job.fetch()).meta).toEqual({ b: [2] });
    await job.delete();
    await expect(job.saveMeta({})).rejects.toThrow(NoSuchJobError);
    expect(await redis.exists(keys.job(job.id))).toBe(0);
  });
});
