import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, take } from 'rxjs';
import {
  InvalidJobOperationError,
  NoSuchJobError,
  WrongKeyTypeError,
} from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { FailedQueue } from '../../src/streams/failed-queue.js';
import { Rq } from '../../src/streams/rq.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { until } from '../support/until.js';

let redis: FreshRedis;
let rq: Rq;

beforeAll(async () => {
  redis = await freshRedis();
});
afterAll(() => redis.close());
beforeEach(async () => {
  await redis.client.flushdb();
  rq = new Rq({ url: redis.url });
});
afterEach(() => rq.close());

/** Jobs that failed, one after the other, with their ids. */
const failSome = async (queue: string, count: number): Promise<string[]> => {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    const job = await rq.queue(queue).enqueueWith({ jobId: `${queue}-${n}` }, 'f', n);
    const delivery = await firstValueFrom(rq.queue(queue).deliveries$().pipe(take(1)));
    await delivery.fail(new Error(`no data for ${n}`));
    ids.push(job.id);
  }
  return ids;
};
/** As Python does it: the registry and the status, and not our list. */
const requeueInPython = async (id: string, queue: string): Promise<void> => {
  await redis.client.zrem(keys.failed(queue), id);
  await redis.client.hset(keys.job(id), 'status', 'queued');
  await redis.client.rpush(keys.queue(queue), id);
};
const failInPython = async (id: string, queue: string): Promise<void> => {
  await redis.client.zadd(keys.failed(queue), Date.now(), id);
  await redis.client.hset(keys.job(id), 'status', 'failed');
  await redis.client.lrem(keys.queue(queue), 0, id);
};

describe('the FailedQueue', () => {
  it('is the queue named failed', () => {
    expect(rq.queue('failed')).toBe(rq.failedQueue);
    expect(rq.failedQueue).toBeInstanceOf(FailedQueue);
  });

  it('keeps the order of quarantine over all queues, then what Python failed', async () => {
    const [a0, a1] = await failSome('a', 2);
    const [b0] = await failSome('b', 1);
    const python = await rq.queue('a').enqueueWith({ jobId: 'py' }, 'f');
    await failInPython(python.id, 'a');
    const failed = rq.failedQueue;
    expect(await failed.ids()).toEqual([a0, a1, b0, 'py']);
    expect(await failed.ids(1, 2)).toEqual([a1, b0]);
    expect(await failed.length()).toBe(4);
    expect(await failed.counts()).toMatchObject({ failed: 4, queued: 0 });
    const [record] = await failed.jobs();
    expect(record?.excInfo).toContain('no data for 0');
    expect(await rq.queueNames()).toEqual(['a', 'b']);
  });

  it('counts what it shows, and not entries whose lifetime is over', async () => {
    await failSome('a', 2);
    await failSome('b', 1);
    const forEver = await rq.queue('a').enqueueWith({ jobId: 'ever' }, 'f');
    await failInPython(forEver.id, 'a');
    const second = Number((await redis.client.time())[0]);
    await redis.client.zadd(
      keys.failed('a'),
      -1,
      'ever',
      second - 600,
      'over',
      second,
      'just-over',
      0,
      'odd',
    );
    const shown = (await rq.failedQueue.ids()).length;
    expect(shown).toBe(4);
    expect(await rq.failedQueue.length()).toBe(shown);
    expect(await rq.failedQueue.counts()).toMatchObject({ failed: shown });
    expect((await rq.queue('a').counts()).failed).toBe(3);
    // Looking changes nothing.
    expect(await redis.client.zcard(keys.failed('a'))).toBe(6);
  });

  it('quarantines a waiting job, and no other', async () => {
    const job = await rq.queue('q').enqueue('f');
    await rq.failedQueue.quarantine(job.id, 'not today');
    expect((await job.fetch()).status).toBe('failed');
    expect((await job.fetch()).excInfo).toContain('not today');
    expect(await rq.queue('q').length()).toBe(0);
    expect(await rq.failedQueue.ids()).toEqual([job.id]);
    await expect(rq.failedQueue.quarantine(job.id, 'again')).rejects.toThrow(
      InvalidJobOperationError,
    );
    await expect(rq.failedQueue.quarantine('nobody', 'why')).rejects.toThrow(NoSuchJobError);
    await rq.queue('q').enqueue('g');
    const running = await firstValueFrom(rq.queue('q').deliveries$().pipe(take(1)));
    await expect(rq.failedQueue.quarantine(running.jobId, 'stop')).rejects.toThrow(/started/);
    await running.finish();
  });

  it('requeues one, to its own queue, and leaves the others', async () => {
    const [first, second] = (await failSome('q', 2)) as [string, string];
    await rq.failedQueue.requeue(second);
    expect(await rq.queue('q').ids()).toEqual([second]);
    expect(await rq.failedQueue.ids()).toEqual([first]);
    const { record } = await rq.fetch(second);
    expect([record.status, record.excInfo, record.endedAt]).toEqual(['queued', '', null]);
    await expect(rq.failedQueue.requeue(second)).rejects.toThrow(InvalidJobOperationError);
    await expect(rq.failedQueue.requeue('nobody')).rejects.toThrow(NoSuchJobError);
  });

  it('requeues many in their order, also to the front', async () => {
    const ids = await failSome('q', 4);
    await rq.queue('q').enqueueWith({ jobId: 'waiting' }, 'f');
    const [a, b, c, d] = ids as [string, string, string, string];
    expect(await rq.failedQueue.requeueMany([a, b, 'nobody'])).toBe(2);
    expect(await rq.failedQueue.requeueMany([c, d], { atFront: true })).toBe(2);
    expect(await rq.queue('q').ids()).toEqual([c, d, 'waiting', a, b]);
  });

  it('requeues all, each once, though two do it together', async () => {
    const ids = [...(await failSome('a', 5)), ...(await failSome('b', 5))];
    const other = new Rq({ url: redis.url });
    const moved = await Promise.all([rq.failedQueue.requeueAll(), other.failedQueue.requeueAll()]);
    expect(moved[0] + moved[1]).toBe(10);
    const back = [...(await rq.queue('a').ids()), ...(await rq.queue('b').ids())];
    expect(back.sort()).toEqual(ids.sort());
    expect(await rq.failedQueue.length()).toBe(0);
    await other.close();
  });

  it('requeues those that a predicate picks', async () => {
    await failSome('q', 4);
    const isOdd = (job: { call: { args: unknown[] } | null }) =>
      Number(job.call?.args[0]) % 2 === 1;
    expect(await rq.failedQueue.requeueWhere(isOdd)).toBe(2);
    expect(await rq.queue('q').ids()).toEqual(['q-1', 'q-3']);
    expect(await rq.failedQueue.ids()).toEqual(['q-0', 'q-2']);
  });

  it('does not show what Python requeued', async () => {
    const [first, second] = (await failSome('q', 2)) as [string, string];
    await requeueInPython(first, 'q');
    expect(await redis.client.lrange(keys.failedQueue, 0, -1)).toEqual([first, second]);
    expect(await rq.failedQueue.ids()).toEqual([second]);
    expect(await rq.failedQueue.requeueAll()).toBe(1);
    expect((await rq.queue('q').ids()).sort()).toEqual([first, second]);
  });

  it('names a job once that failed, was requeued by Python, and failed again', async () => {
    const [id] = (await failSome('q', 1)) as [string];
    await requeueInPython(id, 'q');
    await (await firstValueFrom(rq.queue('q').deliveries$().pipe(take(1)))).fail('again');
    expect(await rq.failedQueue.ids()).toEqual([id]);
    expect(await rq.failedQueue.requeueAll()).toBe(1);
    expect(await rq.failedQueue.ids()).toEqual([]);
    expect(await rq.queue('q').ids()).toEqual([id]);
  });

  it('moves what can be moved when a queue is broken, and says what cannot', async () => {
    await failSome('a', 2);
    await failSome('b', 1);
    await redis.client.del(keys.queue('a'));
    await redis.client.set(keys.queue('a'), 'no list');
    await expect(rq.failedQueue.requeueAll()).rejects.toThrow(WrongKeyTypeError);
    expect(await rq.queue('b').length()).toBe(1);
    await redis.client.del(keys.queue('a'));
    expect(await rq.failedQueue.requeueAll()).toBe(2);
  });

  it('is emptied', async () => {
    await failSome('q', 3);
    expect(await rq.failedQueue.empty()).toBe(3);
    expect(await rq.failedQueue.length()).toBe(0);
    expect(await redis.client.exists(keys.job('q-0'))).toBe(0);
    expect(await redis.client.llen(keys.failedQueue)).toBe(0);
  });

  it('tells of every quarantine and requeue', async () => {
    const seen: string[] = [];
    const event$ = await rq.failedQueue.events('now').ready();
    event$.subscribe((event) => seen.push(event.kind));
    const [id] = (await failSome('q', 1)) as [string];
    await rq.failedQueue.requeue(id);
    await until('both were told', () => seen.length === 2);
    expect(seen).toEqual(['quarantined', 'requeued']);
  });

  it('is no queue to work on', async () => {
    const failed = rq.failedQueue;
    await expect(failed.enqueue('f')).rejects.toThrow(InvalidJobOperationError);
    await expect(failed.enqueueMany()).rejects.toThrow(InvalidJobOperationError);
    expect(() => failed.deliveries$()).toThrow(InvalidJobOperationError);
    expect(() => failed.job('x')).toThrow(/rq\.fetch/);
    expect(() => failed.results()).toThrow(InvalidJobOperationError);
    expect(() => rq.queue('q').pipeline({ name: 'p', to: failed, call: 'f' })).toThrow(
      /FailedQueue/,
    );
  });
});
