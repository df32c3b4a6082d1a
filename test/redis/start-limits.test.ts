import { describe, expect, it } from '@jest/globals';
import { InvalidOptionError } from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { limitStarts, startLimitOf, unlimitStarts } from '../../src/redis/start-limits.js';
import { until } from '../support/until.js';
import { freshWire } from './support/fresh-wire.js';
import { back, finish, type Wire } from './support/wire.js';

let wire: Wire;
freshWire((fresh) => {
  wire = fresh;
});

const limit = (max: number, perSeconds: number, queue = 'default') =>
  limitStarts(wire.redis, queue, { max, perSeconds });
const many = (count: number) => Array.from({ length: count }, (_, n) => `job-${n}`);
const redisMs = async (): Promise<number> => {
  const [seconds, micros] = (await wire.redis.time()) as unknown as [number, number];
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
};

describe('a limit of starts', () => {
  it('holds back what is over it, of all workers together', async () => {
    await wire.enqueue(...many(10));
    await limit(5, 60);
    expect(await wire.worker().claim(3)).toHaveLength(3);
    const worker = wire.worker();
    const reply = await worker.send(worker.request({ toStart: 3 }));
    expect(reply.claimed).toHaveLength(2);
    // Nobody is told that more waits: it would look again at once, and again.
    expect(reply.left).toBe(0);
    const next = await worker.send(worker.request({ toStart: 3 }));
    expect(next).toMatchObject({ claimed: [], left: 0 });
    const ms = next.heldBack.get('default') as number;
    expect(ms).toBeGreaterThan(50_000);
    expect(ms).toBeLessThanOrEqual(60_000);
    expect(await startLimitOf(wire.redis, 'default')).toEqual({ max: 5, perSeconds: 60, used: 5 });
    expect(await wire.redis.llen(keys.queue('default'))).toBe(5);
  });

  it('does not hold back other queues, whose jobs are told of', async () => {
    await wire.enqueueOn('slow', ...many(5));
    await wire.enqueueOn('fast', 'x', 'y', 'z');
    await limit(1, 60, 'slow');
    const worker = wire.worker('slow', 'fast');
    const reply = await worker.send(worker.request({ toStart: 3 }));
    expect(reply.claimed.map(({ jobId }) => jobId)).toEqual(['job-0', 'x', 'y']);
    expect(reply.left).toBe(1);
    expect([...reply.heldBack.keys()]).toEqual(['slow']);
    // Also in turns.
    const turns = await worker.send(worker.request({ toStart: 3, order: '1:5 2:1' }));
    expect(turns.claimed.map(({ jobId }) => jobId)).toEqual(['z']);
  });

  it('is told of, and counts for nothing, also where a claim does not come to its queue', async () => {
    await wire.enqueueOn('fast', 'x', 'y');
    await wire.enqueueOn('slow', ...many(3));
    await limit(1, 60, 'slow');
    const worker = wire.worker('fast', 'slow');
    await worker.claim(3);
    await wire.enqueueOn('fast', 'z');
    const reply = await worker.send(worker.request({ toStart: 1 }));
    expect(reply.claimed.map(({ jobId }) => jobId)).toEqual(['z']);
    expect(reply.left).toBe(0);
    expect([...reply.heldBack.keys()]).toEqual(['slow']);
  });

  it('slides: in no window are there more', async () => {
    await wire.enqueue(...many(40));
    await limit(4, 0.3);
    const worker = wire.worker();
    const starts: number[] = [];
    await until(
      'all have started',
      async () => {
        const reply = await worker.send(worker.request({ toStart: 3 }));
        const now = await redisMs();
        starts.push(...reply.claimed.map(() => now));
        return starts.length >= 24;
      },
      { deadlineMs: 20_000 },
    );
    // As Redis wrote them down, and as we saw them, a little later.
    const told = (await wire.events()).filter(({ kind }) => kind === 'started').map(({ at }) => at);
    expect(told.length).toBeGreaterThanOrEqual(24);
    for (let n = 0; n + 4 < told.length; n += 1)
      expect((told[n + 4] as number) - (told[n] as number)).toBeGreaterThanOrEqual(300);
  });

  it('gives all of it at once after a pause, and says when more may start', async () => {
    await wire.enqueue(...many(10));
    await limit(3, 1);
    const now = await redisMs();
    await wire.redis.rpush(keys.starts('default'), `${now - 5_000} 3`, `${now - 300} 2`);
    await wire.redis.hset(keys.startLimit('default'), 'used', 5);
    const worker = wire.worker();
    const reply = await worker.send(worker.request({ toStart: 5 }));
    expect(reply.claimed).toHaveLength(1);
    expect(reply.heldBack.get('default')).toBeLessThanOrEqual(700);
    expect(await wire.redis.hget(keys.startLimit('default'), 'used')).toBe('3');
    expect(await wire.redis.llen(keys.starts('default'))).toBe(2);
  });

  it('is lifted, lowered and raised at once', async () => {
    await wire.enqueue(...many(20));
    await limit(2, 60);
    const worker = wire.worker();
    expect(await worker.claim(5)).toHaveLength(2);
    await limit(5, 60);
    expect(await worker.claim(5)).toHaveLength(3);
    await limit(1, 60);
    expect(await worker.claim(5)).toHaveLength(0);
    expect(await unlimitStarts(wire.redis, 'default')).toBe(true);
    expect(await unlimitStarts(wire.redis, 'default')).toBe(false);
    expect(await startLimitOf(wire.redis, 'default')).toBeNull();
    expect(await worker.claim(5)).toHaveLength(5);
    expect(await wire.redis.exists(keys.starts('default'))).toBe(0);
  });

  it('counts a job again that was given back and taken again', async () => {
    await wire.enqueue('a');
    await limit(2, 60);
    const worker = wire.worker();
    for (let n = 0; n < 2; n += 1) await worker.settle(await worker.claimOne(), back);
    expect(await worker.claim()).toEqual([]);
  });

  it('keeps nobody from ending jobs', async () => {
    await wire.enqueue('a', 'b');
    await limit(1, 60);
    const worker = wire.worker();
    expect(await worker.settle(await worker.claimOne(), finish())).toBe('finished');
  });

  it.each([
    ['max', 'x'],
    ['perMs', '-5'],
    ['perMs', ''],
    ['used', 'many'],
  ])('with %s %p holds nobody up for ever', async (field, value) => {
    await wire.enqueue(...many(4));
    await limit(2, 60);
    await wire.redis.hset(keys.startLimit('default'), field, value);
    expect((await wire.worker().claim(4)).length).toBeGreaterThanOrEqual(2);
  });

  it('forgets starts that cannot be read, or lie ahead since the clock was set back', async () => {
    await wire.enqueue(...many(4));
    await limit(2, 60);
    const ahead = (await redisMs()) + 3_600_000;
    await wire.redis.rpush(keys.starts('default'), 'garbage', `${ahead} 2`);
    await wire.redis.hset(keys.startLimit('default'), 'used', 2);
    expect(await wire.worker().claim(4)).toHaveLength(2);
  });

  it('is none while one of its keys has a wrong type', async () => {
    await wire.enqueue(...many(4));
    await wire.redis.set(keys.startLimit('default'), 'x');
    expect(await wire.worker().claim(2)).toHaveLength(2);
    await wire.redis.del(keys.startLimit('default'));
    await limit(1, 60);
    await wire.redis.set(keys.starts('default'), 'x');
    expect(await wire.worker().claim(2)).toHaveLength(2);
  });

  it.each([
    { max: 0, perSeconds: 1 },
    { max: 1.5, perSeconds: 1 },
    { max: 1, perSeconds: 0 },
    { max: 1, perSeconds: Number.NaN },
    { max: 1, perSeconds: 1, burst: 3 },
  ])('refuses %j', async (given) => {
    await expect(limitStarts(wire.redis, 'default', given)).rejects.toThrow(InvalidOptionError);
  });
});
