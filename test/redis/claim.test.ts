import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import type { ClaimedJob } from '../../src/redis/transitions/settlement.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { fail, finish, isEnd, newJob, settlement, Wire } from './support/wire.js';

let server: FreshRedis;
let wire: Wire;

beforeAll(async () => {
  server = await freshRedis();
  wire = new Wire(server.url, { payloadLimitBytes: 1_000_000 });
});
beforeEach(() => wire.redis.flushdb());
afterAll(async () => {
  wire.close();
  await server.close();
});

describe('claim', () => {
  it('starts a job: hash, lease, event, and its neighbour stays as it was', async () => {
    await wire.enqueue('a', 'b');
    const neighbour = await wire.snapshot('rq:job:b');
    const worker = wire.worker();
    const { claimed, left } = await worker.send(worker.request({ toStart: 1 }));
    expect(left).toBe(1);
    expect(claimed).toEqual([
      {
        queue: 'default',
        jobId: 'a',
        execution: expect.stringMatching(/^[0-9a-f]{32}$/),
        attempt: 1,
        started: true,
        timeoutMs: 180_000,
        data: Buffer.from('["tasks.add", null, [1, 2], {}]'),
        meta: null,
        wantsStream: false,
        isNew: true,
        enqueuedAt: (await wire.hash('a')).enqueued_at,
      },
    ]);
    expect(await wire.hash('a')).toMatchObject({
      status: 'started',
      started_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      worker_name: worker.name,
      x_attempt: '1',
    });
    const [member, score] = await wire.redis.zrange(keys.wip('default'), '0', '-1', 'WITHSCORES');
    expect(member).toBe(`a:${claimed[0]?.execution}`);
    expect(Number(score)).toBeGreaterThanOrEqual((await wire.nowSeconds()) + 88);
    expect(await wire.ids()).toEqual(['b']);
    expect(await wire.snapshot('rq:job:b')).toEqual(neighbour);
    expect(await wire.story('a')).toBe('enqueued started');
  });

  it('walks the queues in their order', async () => {
    await wire.enqueueOn('low', 'l1', 'l2');
    await wire.enqueueOn('high', 'h1', 'h2');
    const worker = wire.worker('high', 'low');
    expect((await worker.claim(3)).map(({ jobId }) => jobId)).toEqual(['h1', 'h2', 'l1']);
  });

  it('writes nothing when there is nothing', async () => {
    const worker = wire.worker('high', 'low');
    expect(await worker.claim(5)).toEqual([]);
    expect(await wire.redis.dbsize()).toBe(0);
  });

  it('holds jobs without starting them, until their handler begins', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const [job] = await worker.hold();
    expect(job).toMatchObject({ jobId: 'a', started: false, attempt: 1 });
    expect(await wire.hash('a')).toMatchObject({ status: 'queued', x_exec: job?.execution });
    if (!job) return;
    await worker.send(worker.request({ begun: [{ job, beganAtMs: performance.now() - 50 }] }));
    expect(await wire.hash('a')).toMatchObject({ status: 'started', x_attempt: '1' });
    expect(await worker.settle(job, finish())).toBe('finished');
    expect(await wire.hash('a')).not.toHaveProperty('x_exec');
    expect(await wire.story('a')).toBe('enqueued started finished');
  });

  it.each(['created_at', 'description', 'enqueued_at', 'last_heartbeat', 'origin', 'status'])(
    'takes no seven fields for those of a new job when %s is not among them',
    async (missing) => {
      await wire.enqueue('a', 'b');
      const pipeline = wire.redis.pipeline().hdel(keys.job('a'), missing);
      await pipeline.hset(keys.job('a'), 'timeout', 5).exec();
      expect(await wire.redis.hlen(keys.job('a'))).toBe(7);
      expect(await wire.worker().claim(2)).toMatchObject([
        { jobId: 'a', isNew: false, timeoutMs: 5_000 },
        { jobId: 'b', isNew: true, timeoutMs: 180_000 },
      ]);
    },
  );

  it('takes a new job in a list that is not its own for one of which more is to be asked', async () => {
    await wire.enqueue('a');
    await wire.redis.rename(keys.queue('default'), keys.queue('other'));
    const worker = wire.worker('other');
    const job = await worker.claimOne();
    expect(job.isNew).toBe(false);
    expect(await worker.settle(job, finish())).toBe('finished');
    expect(await wire.redis.zscore(keys.finished('default'), 'a')).not.toBeNull();
  });

  it('takes a held job whose status was not "queued" as well', async () => {
    await wire.enqueuePython('a', { status: 'created' });
    await wire.enqueuePython('b', { status: undefined });
    const worker = wire.worker();
    const held = await worker.hold(2);
    expect(held.map(({ jobId }) => jobId)).toEqual(['a', 'b']);
    for (const job of held) {
      expect(await worker.settle(job, finish(), { beganAtMs: performance.now() })).toBe('finished');
    }
  });

  it('keeps a running job from expiring', async () => {
    await wire.enqueue(newJob('a', { ttlSeconds: 1, fields: ['ttl', 1] }));
    await wire.worker().claim();
    expect(await wire.redis.ttl(keys.job('a'))).toBe(-1);
  });

  it('drops what expired while it waited, and tells', async () => {
    await wire.enqueue('a', 'b');
    await wire.redis.del(keys.job('a'));
    expect((await wire.worker().claim(1)).map(({ jobId }) => jobId)).toEqual(['b']);
    expect((await wire.events()).find(({ kind }) => kind === 'dropped')).toMatchObject({
      jobId: 'a',
      reason: 'no hash',
    });
  });

  it('takes a hint for a hint: the id goes back to the head, and the best queue is served', async () => {
    await wire.enqueueOn('high', 'h1');
    await wire.enqueueOn('low', 'l1', 'l2');
    await wire.redis.lmove(keys.queue('low'), keys.intermediate('low'), 'LEFT', 'RIGHT');
    const worker = wire.worker('high', 'low');
    const hint = { queue: 'low', id: Buffer.from('l1') };
    const reply = await worker.send(worker.request({ hints: [hint], toStart: 1 }));
    expect(reply.claimed.map(({ jobId }) => jobId)).toEqual(['h1']);
    expect(await wire.ids('low')).toEqual(['l1', 'l2']);
    expect(await wire.redis.exists(keys.intermediate('low'))).toBe(0);
    // Somebody else recovered it: a hint that is not there any more brings nothing twice.
    await worker.send(worker.request({ hints: [hint] }));
    expect(await wire.ids('low')).toEqual(['l1', 'l2']);
  });
});

describe('claim of ids that must not run', () => {
  it('passes over a thousand ghosts', async () => {
    const ghosts = Array.from({ length: 1_000 }, (_, n) => `ghost-${n}`);
    await wire.redis.rpush(keys.queue('default'), ...ghosts);
    await wire.enqueue('good');
    const worker = wire.worker();
    const calls = [await worker.claim(1), await worker.claim(1)];
    expect(calls.flat().map(({ jobId }) => jobId)).toEqual(['good']);
    expect((await wire.events()).filter(({ kind }) => kind === 'dropped')).toHaveLength(1_000);
  });

  it.each([
    ['started in the same call', 'claim'],
    ['held in the same call', 'hold'],
  ] as const)('runs an id that stands twice in the list once (%s)', async (_, verb) => {
    await wire.enqueue('a');
    await wire.redis.rpush(keys.queue('default'), 'a', 'a');
    const worker = wire.worker();
    expect(await worker[verb](5)).toHaveLength(1);
    expect(await wire.redis.zcard(keys.wip('default'))).toBe(1);
  });

  it.each(['claim', 'hold'] as const)('drops the id of a running job (%s)', async (verb) => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const [job] = await worker[verb](1);
    await wire.redis.lpush(keys.queue('default'), 'a');
    expect(await wire.worker().claim(1)).toEqual([]);
    expect(await wire.worker().hold(1)).toEqual([]);
    // Also from the list of another queue, where somebody moved it by hand.
    if (verb === 'claim') {
      await wire.redis.lpush(keys.queue('other'), 'a');
      expect(await wire.worker('other').claim(1)).toEqual([]);
    }
    expect(job && (await worker.settle(job, finish(), { beganAtMs: 0 }))).toBe('finished');
  });

  it('runs a job that says "started" when nobody holds it', async () => {
    await wire.enqueuePython('a', { status: 'started' });
    expect(await wire.worker().claim(1)).toHaveLength(1);
  });

  it.each(['finished', 'failed', 'canceled', 'stopped', 'scheduled', 'deferred'])(
    'drops an id whose status is %s',
    async (status) => {
      await wire.enqueuePython('a', { status });
      if (status === 'scheduled' || status === 'deferred')
        await wire.redis.zadd(keys[status]('default'), 1, 'a');
      if (isEnd(status)) await wire.endAs('a', status);
      await wire.enqueue('good');
      expect((await wire.worker().claim(2)).map(({ jobId }) => jobId)).toEqual(['good']);
      expect(await wire.status('a')).toBe(status);
    },
  );

  it.each([
    'scheduled',
    'deferred',
    'ready_to_enqueue',
    'created',
    'finished',
    'failed',
    'stopped',
    'canceled',
  ])(
    'runs one that says %s and does not stand there: what RQ’s `save()` wrote back was of long ago',
    async (status) => {
      await wire.enqueuePython('a', { status });
      await wire.enqueue('b');
      await wire.redis.hset(keys.job('b'), 'status', status);
      const worker = wire.worker();
      const jobs = [...(await worker.claim(1)), ...(await worker.hold(1))];
      expect(jobs.map(({ jobId }) => jobId)).toEqual(['a', 'b']);
      for (const job of jobs) expect(await worker.settle(job, finish())).toBe('finished');
    },
  );

  it('takes from an old run the right to end the new one that Python enqueued under its id', async () => {
    await wire.enqueuePython('a');
    const [old, young] = [wire.worker(), wire.worker()];
    const first = await old.claimOne();
    await wire.enqueuePython('a');
    const second = await young.claimOne();
    expect(await old.settle(first, finish('"old"'))).toBe('lost');
    expect(await young.settle(second, finish('"new"'))).toBe('finished');
    expect(await wire.redis.zcard(keys.wip('default'))).toBe(0);
  });

  it.each([
    ['a line end', 'a\nb'],
    ['a NUL', 'a\0b'],
    ['a colon', 'a:b'],
    ['a slash', '../../x'],
    ['an escape', '\x1b[31m'],
    ['__proto__ with a dot', '__proto__.x'],
    ['nothing', ''],
    ['a space', 'a b'],
    ['201 characters', 'x'.repeat(201)],
    ['a million characters', 'x'.repeat(1_000_000)],
  ])(
    'never runs an id with %s: without a job it is dropped, else put aside or left to Python',
    async (_, id) => {
      const told = async (kind: string) => {
        const [event] = (await wire.events()).filter((one) => one.kind === kind);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
        expect(event?.jobId).not.toMatch(/[\x00-\x1f]/);
        expect(event?.jobId.length).toBeLessThanOrEqual(800);
        expect(event).toMatchObject({ reason: 'not an id that RQ accepts' });
      };
      await wire.redis.rpush(keys.queue('default'), id);
      expect(await wire.worker().claim(2)).toEqual([]);
      await told('dropped');

      const spoil = () =>
        wire.redis
          .multi()
          .hset(keys.job(id), 'data', 'x', 'status', 'queued')
          .rpush(keys.queue('default'), id)
          .exec();
      await spoil();
      await wire.enqueue('good');
      expect((await wire.worker().claim(2)).map(({ jobId }) => jobId)).toEqual(['good']);
      await told('quarantined');
      expect(await wire.status(id)).toBe('failed');
      expect(await wire.redis.lrange(keys.failedQueue, 0, -1)).toEqual([id]);

      await wire.redis.sadd('rq:workers:default', 'rq:worker:snake');
      await wire.redis.hset('rq:worker:snake', 'version', '1.16.2');
      await spoil();
      expect(await wire.worker().claim(2)).toEqual([]);
      expect([await wire.ids(), await wire.status(id)]).toEqual([[id], 'queued']);
      // It would end a worker of RQ 2.
      await wire.redis.sadd('rq:workers:default', 'rq:worker:cobra');
      await wire.redis.hset('rq:worker:cobra', 'version', '2.12.0');
      expect(await wire.worker().claim(2)).toEqual([]);
      expect([await wire.ids(), await wire.status(id)]).toEqual([[], 'failed']);
    },
  );

  it('drops an id that is no text at all, by its bytes', async () => {
    await wire.redis.rpush(keys.queue('default'), Buffer.from('fffe0041', 'hex'));
    await wire.enqueue('__proto__', 'constructor');
    expect((await wire.worker().claim(3)).map(({ jobId }) => jobId)).toEqual([
      '__proto__',
      'constructor',
    ]);
    expect(await wire.redis.llen(keys.queue('default'))).toBe(0);
  });
});

describe('claim of hashes that somebody spoilt', () => {
  const hostile: Array<[string, Record<string, string | undefined>, string]> = [
    ['data is missing', { data: undefined }, 'field data is missing'],
    ['data is too long', { data: 'x'.repeat(1_000_001) }, 'field data holds 1000001 bytes'],
    ['meta is too long', { meta: 'x'.repeat(1_000_001) }, 'field meta holds 1000001 bytes'],
    ['the status is unknown', { status: 'quarantined' }, 'unknown status quarantined'],
    ['the status is empty', { status: '' }, 'unknown status '],
    ['the status is an escape', { status: '\x1b[2J' }, 'unknown status \\x1b[2J'],
    ['timeout is text', { timeout: 'abc' }, 'field timeout'],
    ['timeout is a fraction', { timeout: '1.5' }, 'field timeout'],
    ['timeout is NaN', { timeout: 'NaN' }, 'field timeout'],
    ['timeout is negative', { timeout: '-5' }, 'field timeout'],
    ['timeout is huge', { timeout: '9'.repeat(400) }, 'field timeout'],
    ['result_ttl is text', { result_ttl: 'soon' }, 'field result_ttl'],
    ['result_ttl is a fraction', { result_ttl: '0.5' }, 'field result_ttl'],
    ['failure_ttl is infinite', { failure_ttl: 'inf' }, 'field failure_ttl'],
    ['result_ttl is too long for a number', { result_ttl: '9'.repeat(15) }, 'field result_ttl'],
    ['retries_left is text', { retries_left: 'x' }, 'field retries_left'],
    ['retries_left is hex', { retries_left: '0x10' }, 'field retries_left'],
    ['created_at has no zone', { created_at: '2026-11-23T07:00:00.000000' }, 'field created_at'],
    [
      'created_at is in month 13',
      { created_at: '2026-13-23T07:00:00.000000Z' },
      'field created_at',
    ],
    [
      'created_at is February 30',
      { created_at: '2026-02-30T07:00:00.000000Z' },
      'field created_at',
    ],
    ['created_at is 25 o’clock', { created_at: '2026-11-23T25:00:00.000000Z' }, 'field created_at'],
    [
      'created_at looks like a date',
      { created_at: 'xxxxxxxxxxTxxxxxxxxxxxxxxxZ' },
      'field created_at',
    ],
    ['enqueued_at is a number', { enqueued_at: '1700000000' }, 'field enqueued_at'],
    [
      'enqueued_at has 7 digits',
      { enqueued_at: '2026-11-23T07:00:00.0000000Z' },
      'field enqueued_at',
    ],
    ['enqueued_at is in year 0', { enqueued_at: '0000-11-23T07:00:00Z' }, 'field enqueued_at'],
  ];

  it.each(hostile)('quarantines a job when %s', async (_, fields, reason) => {
    await wire.enqueuePython('bad', fields);
    await wire.enqueue('good');
    expect((await wire.worker().claim(2)).map(({ jobId }) => jobId)).toEqual(['good']);
    const hash = await wire.hash('bad');
    expect(hash).toMatchObject({ status: 'failed', origin: 'default' });
    expect(hash.exc_info).toContain(reason);
    expect(await wire.redis.zscore(keys.failed('default'), 'bad')).not.toBeNull();
    expect(await wire.redis.lrange(keys.failedQueue, 0, -1)).toEqual(['bad']);
    expect((await wire.events()).find(({ kind }) => kind === 'quarantined')).toMatchObject({
      jobId: 'bad',
      reason: expect.stringContaining(reason),
    });
    // What RQ could not read is kept aside, so that its tools can show the job.
    const odd = /^field (\w+) cannot be read/.exec(hash.exc_info?.slice(25) ?? '')?.[1];
    if (odd) {
      expect(hash).not.toHaveProperty(odd);
      expect(hash[`x_odd_${odd}`]).toBe((fields[odd] ?? '').slice(0, 200));
    }
  });

  it.each([
    ['2026-11-23T07:00:00Z'],
    ['2026-11-23T07:00:00.123Z'],
    ['2024-02-29T23:59:59.999999Z'],
  ])('takes the time %s', async (time) => {
    await wire.enqueuePython('a', { created_at: time, enqueued_at: time });
    expect(await wire.worker().claim(1)).toHaveLength(1);
  });

  it.each([
    ['x_attempt', 'abc'],
    ['x_attempt', '9'.repeat(30)],
    ['x_exec', '\0'.repeat(10)],
    ['x_recoveries', '-'],
    ['x_passes', 'NaN'],
    ['enqueued_at', 'x '.repeat(500)],
    ['ttl', 'never'],
    ['origin', ''],
    ['__proto__', 'x'],
    ['constructor', 'x'],
  ])('runs a Node job whose field %s is %j, and settles it', async (field, value) => {
    await wire.enqueue('a');
    await wire.redis.hset(keys.job('a'), field, value);
    for (const verb of ['claim', 'hold'] as const) {
      const worker = wire.worker();
      const [job] = await worker[verb](1);
      expect(job).toMatchObject({ jobId: 'a', timeoutMs: 180_000 });
      if (!job) return;
      await wire.redis.hset(keys.job('a'), 'x_attempt', 'abc', 'x_passes', 'abc');
      const pass = { kind: 'pass', reason: 'no handler', limit: 3 } as const;
      expect(await worker.settle(job, pass)).toBe('handedBack');
    }
    const worker = wire.worker();
    const [job] = await worker.hold(1);
    if (!job) throw new Error('it was not handed back');
    await wire.redis.hset(keys.job('a'), 'x_attempt', 'abc');
    const begun = [{ job, beganAtMs: performance.now() }];
    await worker.send(worker.request({ begun }));
    expect(await worker.settle(job, finish())).toBe('finished');
  });

  it('drops an id whose job key is no hash', async () => {
    await wire.redis.rpush(keys.queue('default'), 'a');
    await wire.redis.set(keys.job('a'), 'x');
    await wire.enqueue('good');
    expect((await wire.worker().claim(2)).map(({ jobId }) => jobId)).toEqual(['good']);
  });

  it('does not hand 200 MB to the worker', async () => {
    await wire.enqueue('good');
    await wire.enqueuePython('big', { data: 'x' });
    // By a client without a deadline: to make them takes its time.
    await server.client.call('SETRANGE', 'blob', 200_000_000, 'x');
    await server.client.eval(
      "redis.call('HSET', KEYS[2], 'data', redis.call('GET', KEYS[1])) return redis.call('DEL', KEYS[1])",
      2,
      'blob',
      keys.job('big'),
    );
    const before = wire.redis.stream.bytesRead;
    expect(await wire.worker().claim(2)).toHaveLength(1);
    expect(wire.redis.stream.bytesRead - before).toBeLessThan(10_000);
    expect(await wire.status('big')).toBe('failed');
  });
});

describe('keys of a wrong type', () => {
  const perQueue = [keys.wip('bad'), keys.finished('bad'), keys.events('bad')];
  const forQuarantine = [keys.failed('bad'), keys.failedQueue];

  it.each(perQueue)(
    'leaves a queue alone whose key %s is a string, and serves the others',
    async (key) => {
      await wire.enqueueOn('bad', 'b1');
      await wire.enqueueOn('good', 'g1');
      await wire.redis.del(key);
      await wire.redis.set(key, 'x');
      const worker = wire.worker('bad', 'good');
      const reply = await worker.send(worker.request({ toStart: 2 }));
      expect(reply.claimed.map(({ jobId }) => jobId)).toEqual(['g1']);
      expect(reply.faults).toEqual([expect.stringContaining(key)]);
      expect(await wire.ids('bad')).toEqual(['b1']);
      expect(await wire.status('b1')).toBe('queued');
      await wire.redis.del(key);
      expect((await worker.claim(1)).map(({ jobId }) => jobId)).toEqual(['b1']);
    },
  );

  it.each([keys.intermediate('bad'), keys.scheduled('bad'), keys.queues, ...forQuarantine])(
    'serves a queue although %s is a string, and keeps only failures back',
    async (key) => {
      await wire.enqueueOn('bad', 'b1', 'b2');
      await wire.redis.del(key);
      await wire.redis.set(key, 'x');
      const worker = wire.worker('bad');
      const [b1, b2] = await worker.claim(2);
      if (!b1 || !b2) throw new Error('too few');
      expect(await worker.settle(b1, finish())).toBe('finished');
      const hint = { queue: 'bad', id: Buffer.from('b2') };
      await worker.send(worker.request({ hints: [hint] }));
      const verdict = key === keys.intermediate('bad') ? 'quarantined' : 'refused';
      expect(await worker.settle(b2, fail())).toBe(verdict);
      await wire.redis.del(key);
      expect(await worker.settle(b2, fail())).toBe(verdict === 'refused' ? 'quarantined' : 'lost');
    },
  );

  it('keeps an outcome while a key of its queue is spoilt', async () => {
    await wire.enqueueOn('bad', 'b1');
    const worker = wire.worker('bad', 'good');
    const job = await worker.claimOne();
    await wire.redis.set(keys.finished('bad'), 'x');
    expect(await worker.settle(job, finish())).toBe('refused');
    await wire.redis.del(keys.finished('bad'));
    expect(await worker.settle(job, finish())).toBe('finished');
  });

  it.each(forQuarantine)(
    'leaves a job that must be quarantined, and what is behind it, while %s is a string',
    async (key) => {
      await wire.enqueueOn('bad', 'b1', 'b2', 'b3', 'b4');
      await wire.redis.hset(keys.job('b2'), 'timeout', 'soon');
      await wire.redis.del(key);
      await wire.redis.set(key, 'x');
      const worker = wire.worker('bad');
      const reply = await worker.send(worker.request({ toStart: 4 }));
      expect(reply.claimed.map(({ jobId }) => jobId)).toEqual(['b1']);
      expect(reply).toMatchObject({ left: 0, faults: [expect.stringContaining(key)] });
      expect(await wire.ids('bad')).toEqual(['b2', 'b3', 'b4']);
      await wire.redis.del(key);
      expect((await worker.claim(4)).map(({ jobId }) => jobId)).toEqual(['b3', 'b4']);
      expect(await wire.ids('failed')).toEqual(['b2']);
    },
  );

  it('serves the others when the list of one is a string', async () => {
    await wire.enqueueOn('good', 'g1', 'g2');
    const worker = wire.worker('bad', 'good');
    const job = await worker.claimOne();
    await wire.redis.set(keys.queue('bad'), 'x');
    const request = worker.request({ settlements: [settlement(job, finish())], toStart: 1 });
    const reply = await worker.send(request);
    expect(reply.verdicts).toEqual(['finished']);
    expect(reply.claimed.map(({ jobId }) => jobId)).toEqual(['g2']);
  });

  it('finishes jobs although the record of its worker is a string, or gone', async () => {
    await wire.enqueue('a', 'b');
    const worker = wire.worker();
    const [a, b] = (await worker.claim(2)) as [ClaimedJob, ClaimedJob];
    await wire.redis.del(keys.worker(worker.name));
    expect(await worker.settle(a, finish())).toBe('finished');
    expect(await wire.redis.exists(keys.worker(worker.name))).toBe(0);
    await wire.redis.set(keys.worker(worker.name), 'x');
    expect(await worker.settle(b, finish())).toBe('finished');
    expect(await wire.redis.get(keys.worker(worker.name))).toBe('x');
  });

  it('finishes jobs although the counts of its worker are unreadable', async () => {
    await wire.enqueue('a', 'b');
    const worker = wire.worker();
    await wire.redis.hset(keys.worker(worker.name), {
      successful_job_count: 'many',
      failed_job_count: '',
      total_working_time: 'long',
    });
    const jobs = await worker.claim(2);
    const settlements = jobs.map((job) => settlement(job, finish()));
    expect((await worker.send(worker.request({ settlements }))).verdicts).toEqual([
      'finished',
      'finished',
    ]);
    expect(await wire.redis.zcard(keys.finished('default'))).toBe(2);
    expect(await wire.story('a')).toBe('enqueued started finished');
  });

  it.each([
    ['is a string', (key: string) => wire.redis.set(key, 'x')],
    [
      'takes no more',
      (key: string) => wire.redis.xadd(key, '18446744073709551615-18446744073709551615', 'a', 'b'),
    ],
  ])('finishes a Python job whose results key %s', async (_, spoil) => {
    await wire.enqueuePython('a');
    const worker = wire.worker();
    const job = await worker.claimOne();
    await spoil(keys.results('a'));
    expect(await worker.settle(job, finish())).toBe('finished');
    expect(await wire.redis.xlen(keys.results('a'))).toBe(1);
  });

  it('goes on when the event log takes no more', async () => {
    await wire.redis.xadd(
      keys.events('default'),
      '18446744073709551615-18446744073709551615',
      'a',
      'b',
    );
    await wire.enqueue('a');
    const worker = wire.worker();
    const job = await worker.claimOne();
    expect(await worker.settle(job, finish())).toBe('finished');
    expect(await wire.story('a')).toBe('enqueued started finished');
  });
});
