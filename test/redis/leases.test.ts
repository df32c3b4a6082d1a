import { describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { extend } from '../../src/redis/transitions/extend.js';
import { writeNote } from '../../src/redis/transitions/note.js';
import { planWire } from '../../src/redis/transitions/queue-keys.js';
import { beat, registerBirth, registerDeath } from '../../src/redis/transitions/worker-life.js';
import { freshWire } from './support/fresh-wire.js';
import type { Wire } from './support/wire.js';

let wire: Wire;
freshWire((fresh) => {
  wire = fresh;
});

const since = performance.now();

describe('extend', () => {
  it("renews both leases and writes RQ's execution keys", async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const job = await worker.claimOne();
    await wire.redis.zadd(keys.wip('default'), 5, `a:${job.execution}`);
    await wire.redis.expire(keys.job('a'), 100);
    const sinceMs = performance.now() - 3_000;
    expect(await extend(wire.redis, worker, 'default', [{ job, sinceMs }], wire.settings)).toEqual([
      'extended',
    ]);
    const now = await wire.nowSeconds();
    expect(
      Number(await wire.redis.zscore(keys.wip('default'), `a:${job.execution}`)),
    ).toBeGreaterThanOrEqual(now + 88);
    expect(Number(await wire.redis.zscore(keys.leases('default'), worker.tag))).toBeGreaterThan(
      now * 1_000 + 28_000,
    );
    const execution = await wire.redis.hgetall(keys.execution('a', job.execution));
    expect(execution).toMatchObject({ id: job.execution, job_id: 'a', worker_name: worker.name });
    expect(Number(execution.last_heartbeat) - Number(execution.created_at)).toBeCloseTo(3, 1);
    expect(await wire.redis.zrange(keys.executions('a'), '0', '-1')).toEqual([job.execution]);
    expect(await wire.redis.ttl(keys.execution('a', job.execution))).toBeGreaterThan(88);
    expect(await wire.redis.ttl(keys.executions('a'))).toBeGreaterThan(88);
    // A Python worker that settled it without asking gave it a lifetime.
    expect(await wire.redis.ttl(keys.job('a'))).toBe(-1);
    expect((await wire.hash('a')).last_heartbeat).toMatch(/Z$/);
  });

  it('never brings back a lease that was taken away', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const job = await worker.claimOne();
    await wire.redis.del(keys.wip('default'));
    expect(
      await extend(wire.redis, worker, 'default', [{ job, sinceMs: since }], wire.settings),
    ).toEqual(['lost']);
    expect(await wire.redis.exists(keys.wip('default'))).toBe(0);
  });

  it('goes on with a job that says it has ended only where it has', async () => {
    await wire.enqueue('a', 'b', 'c');
    const worker = wire.worker();
    const held = (await worker.claim(3)).map((job) => ({ job, sinceMs: since }));
    // What RQ's `save()` wrote back is of long ago.
    await wire.redis.hset(keys.job('a'), 'status', 'failed');
    await wire.endAs('b', 'failed');
    await wire.endAs('c', 'canceled');
    expect(await extend(wire.redis, worker, 'default', held, wire.settings)).toEqual([
      'extended',
      'lost',
      'canceled',
    ]);
  });

  it('47: is no less held by a job whose status says nothing', async () => {
    await wire.enqueue('odd', 'bare', 'gone');
    const worker = wire.worker();
    const jobs = await worker.claim(3);
    await wire.redis.hset(keys.job('odd'), 'status', 'exploded');
    await wire.redis.hdel(keys.job('bare'), 'status');
    await wire.redis.hdel(keys.job('gone'), 'status', 'data');
    const held = jobs.map((job) => ({ job, sinceMs: since }));
    expect(await extend(wire.redis, worker, 'default', held, wire.settings)).toEqual([
      'extended',
      'extended',
      'deleted',
    ]);
  });

  it('survives job and execution keys of a wrong type', async () => {
    await wire.enqueue('a', 'b');
    const worker = wire.worker();
    const jobs = await worker.claim(2);
    await wire.redis.del(keys.job('a'));
    await wire.redis.set(keys.job('a'), 'x');
    await wire.redis.set(keys.executions('b'), 'x');
    const beats = jobs.map((job) => ({ job, sinceMs: since }));
    expect(await extend(wire.redis, worker, 'default', beats, wire.settings)).toEqual([
      'deleted',
      'extended',
    ]);
  });

  it('may be repeated', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const beats = [{ job: await worker.claimOne(), sinceMs: since }];
    await extend(wire.redis, worker, 'default', beats, wire.settings);
    expect(await extend(wire.redis, worker, 'default', beats, wire.settings)).toEqual(['extended']);
    expect(await wire.redis.zcard(keys.wip('default'))).toBe(1);
    expect(await wire.story('a')).toBe('enqueued started');
  });
});

describe('note', () => {
  it('writes meta, progress and lines, as they are', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const job = await worker.claimOne();
    const progress = {
      empty: [],
      list: [[], {}],
      big: 9_007_199_254_740_991,
      small: 0.1234567890123456,
      text: 'ü\u2028"',
    };
    const lines = [{ level: 'info', line: '…' }];
    const meta = Buffer.from('{"x": 1}');
    expect(
      await writeNote(
        wire.redis,
        worker.name,
        job,
        { meta, progress: JSON.stringify(progress), lines },
        wire.settings,
      ),
    ).toBe(true);
    expect(await wire.hash('a')).toMatchObject({
      meta: '{"x": 1}',
      x_progress: JSON.stringify(progress),
    });
    const [, , progressed, logged] = await wire.events();
    expect(progressed).toMatchObject({
      kind: 'progressed',
      jobId: 'a',
      execution: job.execution,
      progress,
    });
    expect(logged).toMatchObject({ kind: 'logged', lines, worker: worker.name });
  });

  it('takes progress that is nested two thousand deep', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const progress = '['.repeat(2_000) + ']'.repeat(2_000);
    expect(
      await writeNote(
        wire.redis,
        worker.name,
        await worker.claimOne(),
        { progress },
        wire.settings,
      ),
    ).toBe(true);
    expect(await wire.story('a')).toBe('enqueued started progressed');
  });

  it('writes nothing for an execution that does not hold the job', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const job = await worker.claimOne();
    await wire.redis.del(keys.job('a'));
    const before = await wire.snapshot();
    const other = { ...job, execution: '0'.repeat(32) };
    for (const one of [job, other]) {
      expect(await writeNote(wire.redis, worker.name, one, { progress: '1' }, wire.settings)).toBe(
        false,
      );
    }
    expect(await wire.snapshot()).toEqual(before);
  });
});

describe("a worker's record", () => {
  const record = {
    name: 'w',
    queues: ['default', 'low'],
    state: 'idle',
    fields: { pid: 7 },
  } as const;

  it('is born once while it lives, beats, and dies', async () => {
    const births = await Promise.all(
      Array.from({ length: 10 }, () => registerBirth(wire.redis, record, 90)),
    );
    expect(births.filter(Boolean)).toHaveLength(1);
    expect(await wire.redis.hgetall(keys.worker('w'))).toMatchObject({
      queues: 'default,low',
      state: 'idle',
      pid: '7',
      birth: expect.stringMatching(/Z$/),
      last_heartbeat: expect.stringMatching(/Z$/),
    });
    const sets = [keys.workers, keys.workersOf('default'), keys.workersOf('low')];
    for (const set of sets) expect(await wire.redis.smembers(set)).toEqual([keys.worker('w')]);
    // A record that expired comes back complete.
    await wire.redis.flushdb();
    await beat(wire.redis, { ...record, state: 'busy' }, 90);
    expect(await wire.redis.hgetall(keys.worker('w'))).toMatchObject({
      state: 'busy',
      queues: 'default,low',
    });
    expect(await wire.redis.ttl(keys.worker('w'))).toBeGreaterThan(88);
    await registerDeath(wire.redis, record);
    for (const set of sets) expect(await wire.redis.exists(set)).toBe(0);
    expect(await wire.redis.ttl(keys.worker('w'))).toBeLessThanOrEqual(60);
    expect(await registerBirth(wire.redis, record, 90)).toBe(true);
  });

  it('is not brought back by a beat that was under way when it died', async () => {
    await registerBirth(wire.redis, record, 90);
    await registerDeath(wire.redis, record);
    const before = await wire.snapshot();
    await beat(wire.redis, record, 90);
    expect(await wire.snapshot()).toEqual(before);
    expect(await registerBirth(wire.redis, record, 90)).toBe(true);
    await beat(wire.redis, record, 90);
    expect(await wire.redis.smembers(keys.workers)).toEqual([keys.worker('w')]);
  });

  it('of a living worker is not touched by a second of its name', async () => {
    await registerBirth(wire.redis, record, 5);
    const before = await wire.snapshot();
    expect(await registerBirth(wire.redis, { ...record, queues: ['default'] }, 900)).toBe(false);
    expect(await wire.snapshot()).toEqual(before);
    expect(await wire.redis.ttl(keys.worker('w'))).toBeLessThanOrEqual(5);
  });
});

describe('planWire', () => {
  it.each([
    [{ wideLeaseSeconds: 0.5 }, 'wideLeaseSeconds'],
    [{ narrowLeaseMs: Number.NaN }, 'narrowLeaseMs'],
    [{ resultTtlSeconds: -2 }, 'resultTtlSeconds'],
    [{ eventLogLength: Number.POSITIVE_INFINITY }, 'eventLogLength'],
    [{ maxRecoveries: '1' as never }, 'maxRecoveries'],
    [{ narrowLeaseMs: 600_000 }, 'wideLeaseSeconds'],
    [{ lease: 1 } as never, 'wire.lease'],
  ])('refuses %j', (given, option) => {
    expect(() => planWire(given)).toThrow(option);
  });

  it('fills in what was not given', () => {
    expect(planWire({ maxRecoveries: 0 })).toMatchObject({
      maxRecoveries: 0,
      narrowLeaseMs: 30_000,
    });
  });
});
