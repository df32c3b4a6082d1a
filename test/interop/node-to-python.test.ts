import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { JobFailedError } from '../../src/index.js';
import { keys } from '../../src/redis/keys.js';
import { enqueue } from '../../src/redis/transitions/enqueue.js';
import { newJob } from '../redis/support/wire.js';
import { describeWithPython } from '../support/python.js';
import { TwoSides } from './two-sides.js';

const soon = { timeoutMs: 10_000 };

describeWithPython('Node enqueues, Python works', ['2.12', '1.16'], (version) => {
  let sides: TwoSides;
  beforeAll(async () => {
    sides = await TwoSides.meet(version);
  });
  afterAll(() => sides?.part());

  it.each(['json', 'pickle'] as const)('1, 2: gets back the value (%s)', async (serializer) => {
    const { rq, python } = sides;
    const queue = rq.queue(`values-${serializer}`);
    const given = { serializer, resultTtlSeconds: 60 };
    const job = await queue.enqueueWith(given, 'pyjobs.add', 2, 3);
    const named = await queue.enqueueWith({ serializer, kwargs: { b: 40 } }, 'pyjobs.add', 2);
    const worker = await python.run('return work(name, serializer)', {
      name: queue.name,
      serializer,
    });
    expect(await job.result(soon)).toBe(5);
    expect(await named.result(soon)).toBe(42);
    const record = await job.fetch();
    expect(record).toMatchObject({ status: 'finished', workerName: worker, problems: [] });
    expect(record.endedAt?.getTime()).toBeGreaterThanOrEqual(record.startedAt?.getTime() ?? 0);
    expect(await queue.counts()).toMatchObject({ queued: 0, started: 0, finished: 2, failed: 0 });
  });

  it.each(['json', 'pickle'] as const)('7: hands over any plain value (%s)', async (serializer) => {
    const queue = sides.rq.queue(`plain-${serializer}`);
    const given = [
      null,
      true,
      2n ** 53n + 1n,
      2n ** 80n,
      -(2n ** 63n),
      1.5,
      'é 日 😀 \u2028',
      [[1, [2]], { a: { b: null } }],
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ];
    const job = await queue.enqueueWith({ serializer }, 'pyjobs.types', ...given);
    const back = await queue.enqueueWith({ serializer, kwargs: { é: 1 } }, 'pyjobs.echo', ...given);
    await sides.python.run('work(name, serializer)', { name: queue.name, serializer });
    expect(await job.result(soon)).toEqual([
      'NoneType None',
      'bool True',
      'int 9007199254740993',
      'int 1208925819614629174706176',
      'int -9223372036854775808',
      'float 1.5',
      "str 'é 日 😀 \\u2028'",
      "list [[1, [2]], {'a': {'b': None}}]",
      'float nan',
      'float inf',
    ]);
    expect(await back.result(soon)).toEqual({ args: given, kwargs: { é: 1 } });
  });

  it('3, 5: says in the hash what Python reads', async () => {
    const { rq, python } = sides;
    const queue = rq.queue('fields');
    const retry = { max: 2, intervalsSeconds: [1, 5] };
    const options = { jobId: 'Fields_1-a', timeoutSeconds: 77, ttlSeconds: 99, retry };
    const lifetimes = { resultTtlSeconds: 60, failureTtlSeconds: 61 };
    const meta = { team: 'ü', steps: [1, null] };
    const before = Date.now();
    const full = await queue.enqueueWith(
      { ...options, ...lifetimes, meta, description: 'for humans' },
      'pyjobs.look',
    );
    const bare = await queue.enqueue('pyjobs.look');
    await python.run('work(name)', { name: queue.name });
    const seen = (await full.result(soon)) as Record<string, unknown>;
    expect(seen).toMatchObject({
      id: 'Fields_1-a',
      description: 'for humans',
      timeout: 77,
      ttl: 99,
      meta,
      retries_left: 2,
      retry_intervals: [1, 5],
      result_ttl: 60,
      failure_ttl: 61,
      origin: 'fields',
    });
    for (const field of ['created_at', 'enqueued_at']) {
      const text = String(seen[field]);
      // 1.16 reads times without a zone, 2.x with one; both mean UTC.
      const at = Date.parse(/\+00:00$/.test(text) ? text : `${text}Z`);
      expect(Math.abs(at - before)).toBeLessThan(5_000);
    }
    expect(await bare.result(soon)).toMatchObject({
      description: 'pyjobs.look()',
      timeout: null,
      ttl: null,
      meta: {},
      retries_left: null,
      result_ttl: null,
      failure_ttl: null,
    });
    expect((await full.fetch()).hash.get('result_ttl')?.toString()).toBe('60');
  });

  it('5: leaves no optional field empty but the one that must exist', async () => {
    const job = await sides.rq.queue('bare').enqueue('pyjobs.add', 1);
    const hash = await sides.redis.hgetall(`rq:job:${job.id}`);
    expect(Object.keys(hash).sort()).toEqual([
      'created_at',
      'data',
      'description',
      'enqueued_at',
      'last_heartbeat',
      'origin',
      'status',
    ]);
    const empty = Object.keys(hash).filter((field) => hash[field] === '');
    expect(empty).toEqual(['last_heartbeat']);
    expect(hash.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    await job.delete();
  });

  it.each(['json', 'pickle'] as const)('fails with the traceback (%s)', async (serializer) => {
    const queue = sides.rq.queue(`failures-${serializer}`);
    const job = await queue.enqueueWith({ serializer }, 'pyjobs.fail', 'as ünlucky as that');
    await sides.python.run('work(name, serializer)', { name: queue.name, serializer });
    const error = await job.result(soon).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(JobFailedError);
    const { traceback, message } = error as JobFailedError;
    expect(traceback).toContain('Traceback (most recent call last)');
    expect(traceback).toContain('pyjobs.py');
    expect(message).toContain('ValueError: as ünlucky as that');
    expect(await queue.counts()).toMatchObject({ queued: 0, started: 0, failed: 1 });
  });

  it('3: is known again by a producer whose reply was lost, also when Python has saved it since', async () => {
    const { redis, rq, python } = sides;
    const ask = () =>
      enqueue(redis, 'again', '2026-11-23T07:00:00.000001Z', [newJob('asked-again')], rq.wire);
    expect(await ask()).toEqual(['written']);
    await python.run("fetch('asked-again').save()");
    expect(await redis.hget(keys.job('asked-again'), 'data')).not.toContain('tasks.add');
    expect(await ask()).toEqual(['same']);
    expect(await rq.queue('again').ids()).toEqual(['asked-again']);
  });

  it('8: fails a job whose function Python does not have, and goes on', async () => {
    const queue = sides.rq.queue('strangers');
    const stranger = await queue.enqueue('nodejobs.add', 1);
    const known = await queue.enqueue('pyjobs.add', 1);
    await sides.python.run('work(name)', { name: queue.name });
    expect(await known.result(soon)).toBe(1);
    await expect(stranger.result(soon)).rejects.toThrow(/nodejobs/);
  });

  it('9: keeps the order of the front and the end of the queue beside Python', async () => {
    const { rq, python, redis } = sides;
    const queue = rq.queue('order');
    const enqueue = `
for word, front in words:
    queue(name).enqueue('pyjobs.put_down', 'order-seen', word, at_front=front)`;
    const words = (...them: Array<[string, boolean]>) =>
      python.run(enqueue, { name: queue.name, words: them });
    await queue.enqueue('pyjobs.put_down', 'order-seen', 'c');
    await words(['d', false], ['b', true]);
    await queue.enqueueWith({ atFront: true }, 'pyjobs.put_down', 'order-seen', 'a');
    await words(['e', false]);
    await queue.enqueue('pyjobs.put_down', 'order-seen', 'f');
    await python.run('work(name)', { name: queue.name });
    expect(await redis.lrange('order-seen', 0, -1)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('15: skips a job that waited longer than it may', async () => {
    const { rq, python } = sides;
    const queue = rq.queue('expiring');
    const job = await queue.enqueueWith({ ttlSeconds: 1 }, 'pyjobs.add', 1);
    const next = await queue.enqueue('pyjobs.add', 2);
    await sides.redis.pexpire(`rq:job:${job.id}`, 1);
    await python.run('work(name)', { name: queue.name });
    expect(await next.result(soon)).toBe(2);
    await expect(job.result(soon)).rejects.toThrow(/not in Redis any more/);
  });

  it('17: reads the meta that Python saved', async () => {
    for (const serializer of ['json', 'pickle'] as const) {
      const queue = sides.rq.queue(`meta-${serializer}`);
      const meta = { from: 'node', n: 1 };
      const job = await queue.enqueueWith({ serializer, meta }, 'pyjobs.mark', 'python');
      await sides.python.run('work(name, serializer)', { name: queue.name, serializer });
      expect(await job.result(soon)).toBeNull();
      expect((await job.fetch()).meta).toEqual({ from: 'node', n: 1, python: [true, 'é'] });
    }
  });

  it('14: is retried by Python, and fails when no retry is left', async () => {
    const queue = sides.rq.queue('retries');
    const job = await queue.enqueueWith({ retry: { max: 2 } }, 'pyjobs.fail', 'again');
    await sides.python.run('work(name)', { name: queue.name });
    await expect(job.result(soon)).rejects.toThrow(/again/);
    expect((await job.fetch()).retriesLeft).toBe(0);
    const delayed = { retry: { max: 1, intervalsSeconds: [30] } };
    const later = await queue.enqueueWith(delayed, 'pyjobs.fail', 'later');
    await sides.python.run('work(name)', { name: queue.name });
    expect((await later.fetch()).status).toBe('scheduled');
    const due = await sides.redis.zscore(`rq:scheduled:${queue.name}`, later.id);
    expect(Math.abs(Number(due) - Date.now() / 1_000 - 30)).toBeLessThan(5);
  });

  it('16: is kept as long as it says', async () => {
    const queue = sides.rq.queue('lifetimes');
    const spec = (name: string, options: object) => queue.enqueueWith(options, name, 'x');
    const gone = await spec('pyjobs.echo', { resultTtlSeconds: 0 });
    const kept = await spec('pyjobs.echo', { resultTtlSeconds: -1 });
    const short = await spec('pyjobs.echo', { resultTtlSeconds: 50 });
    const failed = await spec('pyjobs.fail', { failureTtlSeconds: 50 });
    const failedKept = await spec('pyjobs.fail', { failureTtlSeconds: -1 });
    const failedGone = await spec('pyjobs.fail', { failureTtlSeconds: 0 });
    await sides.python.run('work(name)', { name: queue.name });
    const ttl = ({ id }: { id: string }) => sides.redis.ttl(`rq:job:${id}`);
    expect(await ttl(gone)).toBe(-2);
    expect(await ttl(kept)).toBe(-1);
    expect(await ttl(short)).toBeGreaterThan(40);
    expect(await ttl(failed)).toBeGreaterThan(40);
    expect(await ttl(failedKept)).toBe(-1);
    expect(await ttl(failedGone)).toBe(-2);
    await expect(gone.result(soon)).rejects.toThrow(/not in Redis any more/);
    await expect(failedGone.result(soon)).rejects.toThrow(/not in Redis any more/);
    // When each leaves the registry; -1 is never.
    const key = keys.failed(queue.name);
    const [now] = await sides.redis.time();
    const score = async ({ id }: { id: string }) => Number(await sides.redis.zscore(key, id));
    expect(await score(failedKept)).toBe(-1);
    expect(Math.abs((await score(failed)) - Number(now) - 50)).toBeLessThan(10);
    const entry = await queue.registries.failed.entry(failed.id);
    expect(entry?.at?.getTime()).toBe((await score(failed)) * 1_000);
    expect(await queue.registries.failed.entry(failedKept.id)).toMatchObject({ at: null });
    // Of what is gone Python leaves the entry, until it cleans; nobody who looks sees a job there.
    expect(await score(failedGone)).toBeLessThanOrEqual(Number(now));
    expect((await queue.registries.failed.jobs()).map(({ id }) => id).sort()).toEqual(
      [failed.id, failedKept.id].sort(),
    );
    await sides.redis.zadd(key, 'XX', Number(now) - 10, failedGone.id);
    expect(
      await sides.python.run('return sorted(queue(name).failed_job_registry.get_job_ids())', {
        name: queue.name,
      }),
    ).toEqual([failed.id, failedKept.id].sort());
  });
});
