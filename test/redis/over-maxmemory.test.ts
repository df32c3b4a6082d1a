import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RedisServer } from '../../scripts/redis-server.mjs';
import { failureKind } from '../../src/redis/failure.js';
import { keys } from '../../src/redis/keys.js';
import { cancel } from '../../src/redis/transitions/cancel.js';
import { enqueue } from '../../src/redis/transitions/enqueue.js';
import { extend } from '../../src/redis/transitions/extend.js';
import { quarantine } from '../../src/redis/transitions/quarantine.js';
import { recover, recoverIntermediate } from '../../src/redis/transitions/recover.js';
import { requeue } from '../../src/redis/transitions/requeue.js';
import { tick } from '../../src/redis/transitions/tick.js';
import { beat } from '../../src/redis/transitions/worker-life.js';
import { startPrivateRedis } from '../support/redis.js';
import { overdueIn } from './support/overdue.js';
import { back, createdAt, fail, finish, newJob, settlement, Wire } from './support/wire.js';

let server: RedisServer;
let wire: Wire;

beforeAll(async () => {
  server = await startPrivateRedis();
  wire = new Wire(server.url);
});
beforeEach(async () => {
  await fill(false);
  await wire.redis.flushall();
});
afterAll(async () => {
  wire.close();
  await server.stop();
});

const fill = (isFull: boolean) => wire.redis.config('SET', 'maxmemory', isFull ? '1' : '0');

describe('over maxmemory', () => {
  it('refuses new jobs and writes nothing', async () => {
    await fill(true);
    const attempt = enqueue(
      wire.redis,
      'default',
      createdAt,
      [newJob('a'), newJob('b', { atFront: true })],
      wire.settings,
    );
    expect(failureKind(await attempt.catch((error: unknown) => error))).toBe('full');
    expect(await wire.redis.dbsize()).toBe(0);
  });

  it('knows jobs again that were written before, or are of others', async () => {
    const write = (...jobs: ReturnType<typeof newJob>[]) =>
      enqueue(wire.redis, 'default', createdAt, jobs, wire.settings);
    await write(newJob('a'), newJob('b'));
    await fill(true);
    const other = newJob('b', { data: 'another' });
    expect(await write(newJob('a'), other)).toEqual(['same', 'duplicate']);
    expect(await wire.ids()).toEqual(['a', 'b']);
  });

  it('lets a worker end, claim, begin and give back jobs', async () => {
    await wire.enqueue(...'abcdefgh');
    const worker = wire.worker();
    const jobs = await worker.claim(3);
    await fill(true);
    const [a, b, c] = jobs.map((job, at) => settlement(job, [finish(), fail(), back][at] ?? back));
    if (!a || !b || !c) throw new Error('too few');
    const reply = await worker.send(
      worker.request({ settlements: [a, b, c], toStart: 1, toHold: 1 }),
    );
    expect(reply.verdicts).toEqual(['finished', 'quarantined', 'handedBack']);
    expect(reply.claimed.map(({ jobId }) => jobId)).toEqual(['c', 'd']);
    const held = reply.claimed.filter(({ started }) => !started);
    await worker.send(worker.request({ begun: held.map((job) => ({ job, beganAtMs: 0 })) }));
    expect(await wire.status('d')).toBe('started');
    await wire.redis.config('SET', 'maxmemory', '0');
    await wire.redis.lmove(keys.queue('default'), keys.intermediate('default'), 'LEFT', 'RIGHT');
    await fill(true);
    await worker.send(worker.request({ hints: [{ queue: 'default', id: Buffer.from('e') }] }));
    expect((await worker.claimOne()).jobId).toBe('e');
  });

  it('keeps leases and the worker’s record alive', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const job = await worker.claimOne();
    await fill(true);
    const beats = [{ job, sinceMs: performance.now() }];
    expect(await extend(wire.redis, worker, 'default', beats, wire.settings)).toEqual(['extended']);
    await beat(wire.redis, { name: 'w', queues: ['default'], state: 'busy', fields: {} }, 90);
    expect(await wire.redis.exists(keys.worker('w'), keys.leases('default'))).toBe(2);
  });

  it('lets jobs be recovered, requeued, canceled and quarantined', async () => {
    await wire.enqueue(...'abcde');
    const worker = wire.worker();
    const [a, b] = await worker.claim(2);
    if (!a || !b) throw new Error('too few');
    await worker.settle(b, fail());
    await wire.redis.zadd(keys.leases('default'), 1, worker.tag);
    await wire.redis.rpush(keys.intermediate('default'), 'c');
    await wire.redis.lrem(keys.queue('default'), 1, 'c');
    await fill(true);
    const seen = await overdueIn(wire.redis, 'default');
    expect(await recover(wire.redis, 'default', seen, wire.settings)).toEqual(['recovered']);
    expect(await requeue(wire.redis, ['b'], false, wire.settings)).toEqual(['requeued']);
    const stay = { id: Buffer.from('c'), enqueuedAt: '' };
    expect(await recoverIntermediate(wire.redis, 'default', stay, wire.settings)).toBe(true);
    expect(await cancel(wire.redis, 'default', 'd', wire.settings)).toBe('queued');
    expect(await quarantine(wire.redis, 'default', 'e', 'x', 'x', wire.settings)).toBe('queued');
    expect(await wire.ids()).toEqual(['c', 'a', 'b']);
  });

  it('lets a scheduler take its locks and move what is due', async () => {
    await wire.enqueue(newJob('a', { due: { inMs: 60_000 } }));
    await wire.redis.zadd(keys.scheduled('default'), 1, 'a');
    const look = (renew: boolean) => tick(wire.redis, '71', ['default'], renew, wire.settings);
    await fill(true);
    expect(await look(true)).toMatchObject({ moved: 1, held: 1 });
    await wire.redis.del(keys.schedulerLock('default'));
    expect(await look(false)).toMatchObject({ moved: 0, held: 1 });
    expect(await wire.ids()).toEqual(['a']);
  });
});
