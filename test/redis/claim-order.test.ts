import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import {
  pauseQueue,
  queuePauseOf,
  resume,
  suspend,
  suspensionOf,
} from '../../src/redis/suspension.js';
import { type QueueOrder, Turns } from '../../src/streams/queue-order.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { Wire } from './support/wire.js';

let server: FreshRedis;
let wire: Wire;
beforeAll(async () => {
  server = await freshRedis();
  wire = new Wire(server.url);
});
beforeEach(() => wire.redis.flushdb());
afterAll(async () => {
  wire.close();
  await server.close();
});

const fill = (queue: string, count: number) =>
  wire.enqueueOn(queue, ...Array.from({ length: count }, (_, n) => `${queue}${n}`));

describe('a claim while workers are suspended', () => {
  it('takes nothing and says so; what is handed in is written', async () => {
    await fill('default', 3);
    const worker = wire.worker();
    const job = await worker.claimOne();
    await suspend(wire.redis);
    const before = await wire.snapshot('rq:queue:*');
    const reply = await worker.send(worker.request({ toStart: 5, toHold: 5 }));
    expect(reply).toMatchObject({
      claimed: [],
      left: 0,
      paused: { isSuspended: true, queues: [] },
    });
    expect(await wire.snapshot('rq:queue:*')).toEqual(before);
    expect(await worker.settle(job, { kind: 'finish', result: null })).toBe('finished');
    expect(await resume(wire.redis)).toBe(true);
    expect(await resume(wire.redis)).toBe(false);
    expect(await worker.claim(5)).toHaveLength(2);
  });

  it('gives a popped id back to the head of its queue', async () => {
    await fill('default', 2);
    await suspend(wire.redis);
    const { redis } = wire;
    await redis.lmove(keys.queue('default'), keys.intermediate('default'), 'LEFT', 'RIGHT');
    const worker = wire.worker();
    const hints = [{ queue: 'default', id: Buffer.from('default0') }];
    const reply = await worker.send(worker.request({ toStart: 1, hints }));
    expect(reply.claimed).toEqual([]);
    expect(await wire.ids()).toEqual(['default0', 'default1']);
    expect(await redis.exists(keys.intermediate('default'))).toBe(0);
  });

  it('answers a repeated request with what it took before the suspension', async () => {
    await fill('default', 1);
    const worker = wire.worker();
    const request = worker.request({ toStart: 1 });
    const first = await worker.send(request);
    await suspend(wire.redis);
    expect((await worker.send(request)).claimed).toEqual(first.claimed);
  });

  it('ends by itself when it has a time', async () => {
    await suspend(wire.redis, { seconds: 100 });
    expect(await wire.redis.ttl(keys.suspended)).toBeGreaterThan(98);
    expect(await suspensionOf(wire.redis)).toMatchObject({ secondsLeft: expect.any(Number) });
    for (const seconds of [0, -1, 1.5, Number.NaN])
      await expect(suspend(wire.redis, { seconds })).rejects.toThrow(/Invalid option seconds/);
  });
});

describe('a claim while a queue is paused', () => {
  it('takes from the others, and names it', async () => {
    await fill('a', 2);
    await fill('b', 2);
    await pauseQueue(wire.redis, 'a');
    expect(await queuePauseOf(wire.redis, 'a')).not.toBeNull();
    const worker = wire.worker('a', 'b');
    const reply = await worker.send(worker.request({ toStart: 1 }));
    expect(reply).toMatchObject({ left: 1, paused: { isSuspended: false, queues: ['a'] } });
    expect(reply.claimed.map(({ jobId }) => jobId)).toEqual(['b0']);
    await wire.redis.del(keys.paused('a'));
    const [next] = await worker.claim(1);
    expect(next?.jobId).toBe('a0');
  });
});

describe('the order of queues', () => {
  /** Claims again and again, and says from where the jobs came. */
  const work = async (order: QueueOrder, queues: string[], calls: number, each: number) => {
    const worker = wire.worker(...queues);
    const turns = new Turns(queues, order);
    const came: string[] = [];
    for (let call = 0; call < calls; call++) {
      const request = worker.request({ toStart: each, order: turns.next() });
      const { claimed } = await worker.send(request);
      turns.took(claimed);
      came.push(...claimed.map(({ queue }) => queue));
    }
    const counts = Object.fromEntries(queues.map((queue) => [queue, 0]));
    for (const queue of came) counts[queue] = (counts[queue] as number) + 1;
    return { came, counts };
  };

  it('is strict unless something is said', async () => {
    await fill('a', 5);
    await fill('b', 5);
    const { came } = await work('strict', ['b', 'a'], 4, 2);
    expect(came).toEqual(['b', 'b', 'b', 'b', 'b', 'a', 'a', 'a']);
  });

  it.each([1, 7, 30])('shares in turns, %i jobs at a time', async (each) => {
    for (const queue of ['a', 'b', 'c']) await fill(queue, 100);
    const { counts } = await work('round-robin', ['a', 'b', 'c'], 90 / each, each);
    for (const count of Object.values(counts)) expect(Math.abs(count - 30)).toBeLessThanOrEqual(2);
  });

  it.each([1, 6, 20])('shares by weight, %i jobs at a time', async (each) => {
    for (const queue of ['a', 'b', 'c']) await fill(queue, 200);
    const order = { weights: { a: 1, b: 2, c: 3 } };
    const { counts } = await work(order, ['a', 'b', 'c'], 120 / each, each);
    expect(Math.abs((counts.a as number) - 20)).toBeLessThanOrEqual(3);
    expect(Math.abs((counts.b as number) - 40)).toBeLessThanOrEqual(3);
    expect(Math.abs((counts.c as number) - 60)).toBeLessThanOrEqual(3);
  });

  it('draws each queue about as often as the others', async () => {
    for (const queue of ['a', 'b', 'c']) await fill(queue, 400);
    const { counts } = await work('random', ['a', 'b', 'c'], 600, 1);
    // 200 each, with a deviation of 11.5: six of them.
    for (const count of Object.values(counts)) expect(Math.abs(count - 200)).toBeLessThan(70);
  });

  it('takes as much as is wanted, also where only some have jobs', async () => {
    await fill('b', 3);
    await fill('c', 50);
    const worker = wire.worker('a', 'b', 'c');
    const request = worker.request({ toStart: 30, order: '1:1 2:1 3:1' });
    const { claimed, left } = await worker.send(request);
    expect(claimed).toHaveLength(30);
    expect(claimed.filter(({ queue }) => queue === 'b')).toHaveLength(3);
    expect(left).toBe(23);
  });

  it('ends where nothing that waits can be run, and where everything is gone', async () => {
    await wire.redis.rpush(keys.queue('a'), ...Array.from({ length: 1_500 }, (_, n) => `gone${n}`));
    const worker = wire.worker('a', 'b');
    const first = await worker.send(worker.request({ toStart: 2, order: '2:1 1:1' }));
    expect(first).toMatchObject({ claimed: [], left: 500 });
    const second = await worker.send(worker.request({ toStart: 2, order: '2:1 1:1' }));
    expect(second).toMatchObject({ claimed: [], left: 0 });
  });

  it('answers a repeated request with the same jobs of the same queues', async () => {
    for (const queue of ['a', 'b']) await fill(queue, 5);
    const worker = wire.worker('a', 'b');
    const request = worker.request({ toStart: 4, order: '2:1 1:1' });
    const first = await worker.send(request);
    expect(first.claimed.map(({ jobId }) => jobId)).toEqual(['b0', 'b1', 'a0', 'a1']);
    expect((await worker.send(request)).claimed).toEqual(first.claimed);
    expect(await worker.settle(first.claimed[0] as never, { kind: 'finish', result: null })).toBe(
      'finished',
    );
    expect(await wire.redis.zcard(keys.finished('b'))).toBe(1);
  });
});
