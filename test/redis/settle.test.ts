import { inflateSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { fromTimestamp } from '../../src/redis/timestamp.js';
import { cancel } from '../../src/redis/transitions/cancel.js';
import { deleteJob } from '../../src/redis/transitions/delete.js';
import { extend } from '../../src/redis/transitions/extend.js';
import { quarantine } from '../../src/redis/transitions/quarantine.js';
import { requeue, requeueFrom } from '../../src/redis/transitions/requeue.js';
import type { ClaimedJob } from '../../src/redis/transitions/settlement.js';
import { freshWire } from './support/fresh-wire.js';
import { back, fail, finish, isEnd, newJob, settlement, type Wire } from './support/wire.js';

let wire: Wire;
freshWire((fresh) => {
  wire = fresh;
});

const isAbout = async (score: string | null, ttlSeconds: number): Promise<boolean> =>
  Math.abs(Number(score) - (await wire.nowSeconds()) - ttlSeconds) <= 1;

describe('finish', () => {
  it('writes status, result, end and lifetime, ends the lease, and leaves the neighbour alone', async () => {
    await wire.enqueue('a', 'b');
    const worker = wire.worker();
    await wire.redis.hset(keys.worker(worker.name), 'birth', 'x');
    const [a] = await worker.claim(2);
    if (!a) throw new Error('nothing claimed');
    const neighbour = await wire.snapshot('rq:job:b');
    expect(await worker.settle(a, finish('{"x": 1}'), { tookMs: 12 })).toBe('finished');
    expect(await wire.hash('a')).toMatchObject({
      status: 'finished',
      result: '{"x": 1}',
      ended_at: expect.stringMatching(/\.\d{6}Z$/),
    });
    expect(await wire.redis.ttl(keys.job('a'))).toBeGreaterThan(498);
    expect(await isAbout(await wire.redis.zscore(keys.finished('default'), 'a'), 500)).toBe(true);
    expect(await wire.redis.zcard(keys.wip('default'))).toBe(1);
    expect(await wire.snapshot('rq:job:b')).toEqual(neighbour);
    expect(await wire.story('b')).toBe('enqueued started');
    expect((await wire.events()).at(-1)).toMatchObject({
      kind: 'finished',
      jobId: 'a',
      execution: a.execution,
      tookMs: 12,
      worker: worker.name,
    });
    expect(await wire.redis.hgetall(keys.worker(worker.name))).toMatchObject({
      successful_job_count: '1',
      total_working_time: '0.012',
    });
    expect(await wire.redis.exists(keys.results('a'))).toBe(0);
  });

  it('goes by what was said of a job when it was claimed', async () => {
    await wire.enqueue('a', newJob('b', { fields: ['result_ttl', 60] }));
    const worker = wire.worker();
    const claimed = await worker.claim(2);
    expect(claimed.map(({ isNew }) => isNew)).toEqual([true, false]);
    for (const { jobId } of claimed) await wire.redis.hset(keys.job(jobId), 'result_ttl', 0);
    for (const job of claimed) expect(await worker.settle(job, finish('1'))).toBe('finished');
    expect(await isAbout(await wire.redis.zscore(keys.finished('default'), 'a'), 500)).toBe(true);
    expect(await wire.redis.exists(keys.job('b'))).toBe(0);
  });

  it('writes the begin of a job that was claimed ahead, whatever its fields say', async () => {
    await wire.enqueue(newJob('a', { fields: ['repeats_left', -1] }));
    const worker = wire.worker();
    const [held] = await worker.hold(1);
    expect(held && (await worker.settle(held, finish('1'), { beganAtMs: 0 }))).toBe('finished');
    expect(await wire.hash('a')).toMatchObject({
      status: 'finished',
      x_attempt: '1',
      worker_name: worker.name,
      started_at: expect.any(String),
    });
  });

  it('takes a job that was claimed ahead out of its holder’s hands', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const [held] = await worker.hold(1);
    expect(held && (await worker.settle(held, finish('1'), { beganAtMs: 0 }))).toBe('finished');
    const ended = await wire.hash('a');
    expect(ended).toMatchObject({ status: 'finished', x_attempt: '1' });
    expect(ended).not.toHaveProperty('x_exec');
    // Nobody holds it: its next run is the second one.
    expect(await requeueFrom(wire.redis, 'finished', 'default', 'a', false, wire.settings)).toBe(
      'moved',
    );
    const [again] = await worker.hold(1);
    expect(again?.attempt).toBe(2);
    expect(again && (await worker.settle(again, finish('1'), { beganAtMs: 0 }))).toBe('finished');
    // Nor when Python enqueues it once more.
    const pipeline = wire.redis.multi().hset(keys.job('a'), 'status', 'queued');
    await pipeline.zrem(keys.finished('default'), 'a').rpush(keys.queue('default'), 'a').exec();
    expect(await quarantine(wire.redis, 'default', 'a', 'x', 'x', wire.settings)).toBe('queued');
  });

  it('writes no result field for nothing', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), finish(null));
    expect(await wire.hash('a')).not.toHaveProperty('result');
  });

  it.each([
    ['0', 'deletes the job'],
    ['-1', 'keeps the job for ever'],
    ['77', 'keeps the job for so long'],
    ['077', 'keeps the job for so long'],
    ['00', 'deletes the job'],
    ['-0', 'deletes the job'],
    ['9999999999999', 'keeps the job for so long'],
    ['99999999999999', 'keeps the job as long as any'],
  ])('with result_ttl %s %s', async (ttl) => {
    await wire.enqueue(newJob('a', { fields: ['result_ttl', ttl] }));
    const worker = wire.worker();
    expect(await worker.settle(await worker.claimOne(), finish())).toBe('finished');
    const score = await wire.redis.zscore(keys.finished('default'), 'a');
    const left = await wire.redis.ttl(keys.job('a'));
    if (Number(ttl) === 0) expect([score, left]).toEqual([null, -2]);
    else if (ttl === '-1') expect([score, left]).toEqual(['inf', -1]);
    else {
      const seconds = ttl.length > 13 ? 500 : Number(ttl);
      expect([await isAbout(score, seconds), left >= seconds - 1]).toEqual([true, true]);
    }
    expect(await wire.story('a')).toBe('enqueued started finished');
  });

  it('leaves nothing of a job that is not kept, whatever its earlier runs had kept', async () => {
    await wire.enqueuePython('a', { result_ttl: '0' });
    await wire.redis.xadd(keys.results('a'), '*', 'type', '2');
    await wire.redis.sadd(keys.dependencies('a'), 'parent');
    const worker = wire.worker();
    expect(await worker.settle(await worker.claimOne(), finish())).toBe('finished');
    expect(await wire.redis.exists(keys.job('a'), keys.results('a'), keys.dependencies('a'))).toBe(
      0,
    );
  });

  it('gives an end to the parents of a job that Python had let go', async () => {
    await wire.enqueuePython('a', { dependency_ids: '["parent"]' });
    await wire.redis.sadd(keys.dependencies('a'), 'parent');
    await wire.worker().claimOne();
    expect(await wire.redis.ttl(keys.dependencies('a'))).toBeGreaterThan(86_000);
  });

  it("answers a Python job in RQ's results stream, not in the hash", async () => {
    await wire.enqueuePython('a', { result_ttl: '60' });
    const worker = wire.worker();
    const job = await worker.claimOne();
    expect(job.wantsStream).toBe(true);
    await worker.settle(job, finish('[1]'), { tookMs: 2_000 });
    const [[, fields] = ['', []]] = await wire.redis.xrange(keys.results('a'), '-', '+');
    const entry: Record<string, string> = {};
    for (let at = 0; at < fields.length; at += 2) entry[fields[at] ?? ''] = fields[at + 1] ?? '';
    expect(entry).toMatchObject({
      type: '1',
      worker_name: worker.name,
      execution_id: job.execution,
    });
    expect(Buffer.from(entry.return_value ?? '', 'base64').toString()).toBe('[1]');
    const took = Number(entry.execution_ended_at) - Number(entry.execution_started_at);
    expect(took).toBeCloseTo(2, 3);
    expect(await wire.hash('a')).not.toHaveProperty('result');
    expect(await wire.redis.ttl(keys.results('a'))).toBeGreaterThan(58);
  });
});

describe('fail', () => {
  it('quarantines: status, traceback, registry, FailedQueue, lifetime of a year', async () => {
    await wire.enqueue('a', 'b');
    const worker = wire.worker();
    expect(await worker.settle(await worker.claimOne(), fail('TypeError: x'))).toBe('quarantined');
    expect(await wire.hash('a')).toMatchObject({
      status: 'failed',
      exc_info: 'TypeError: x\n    at tasks.js:1',
      ended_at: expect.stringMatching(/Z$/),
    });
    expect(await isAbout(await wire.redis.zscore(keys.failed('default'), 'a'), 31_536_000)).toBe(
      true,
    );
    expect(await wire.redis.lrange(keys.failedQueue, 0, -1)).toEqual(['a']);
    expect(await wire.redis.smembers(keys.queues)).toEqual([keys.queue('default')]);
    expect(await wire.story('a')).toBe('enqueued started failed quarantined');
    expect(await wire.story('b')).toBe('enqueued');
  });

  it.each([
    ['0', [null, -2, 0]],
    ['-1', ['-1', -1, 1]],
  ])('keeps a failure for failure_ttl %s', async (ttl, expected) => {
    await wire.enqueue(newJob('a', { fields: ['failure_ttl', ttl] }));
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), fail());
    expect([
      await wire.redis.zscore(keys.failed('default'), 'a'),
      await wire.redis.ttl(keys.job('a')),
      await wire.redis.llen(keys.failedQueue),
    ]).toEqual(expected);
  });

  it('writes a Python job’s traceback where RQ 2 reads it', async () => {
    await wire.enqueuePython('a', { failure_ttl: '60' });
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), fail('ValueError: no'));
    const [[, fields] = ['', []]] = await wire.redis.xrange(keys.results('a'), '-', '+');
    const text = fields[fields.indexOf('exc_string') + 1] ?? '';
    expect(inflateSync(Buffer.from(text, 'base64')).toString()).toContain('ValueError: no');
    expect(fields[fields.indexOf('type') + 1]).toBe('2');
  });

  it('retries at once, to the end of the queue', async () => {
    await wire.enqueue(newJob('a', { fields: ['retries_left', 2] }), 'b');
    const worker = wire.worker();
    expect(await worker.settle(await worker.claimOne(), fail())).toBe('retried');
    expect(await wire.ids()).toEqual(['b', 'a']);
    expect(await wire.hash('a')).toMatchObject({ status: 'queued', retries_left: '1' });
    expect((await wire.events()).at(-1)).toMatchObject({
      kind: 'retried',
      retriesLeft: 1,
      delaySeconds: 0,
    });
  });

  it('retries to the front where the job says so', async () => {
    const fields = ['retries_left', 1, 'enqueue_at_front_on_retry', 1];
    await wire.enqueue(newJob('a', { fields }), 'b');
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), fail());
    expect(await wire.ids()).toEqual(['a', 'b']);
  });

  it.each([
    ['[10, 20, 30]', 3, 10],
    ['[10, 20, 30]', 2, 20],
    ['[10, 20, 30]', 1, 30],
    ['[10]', 5, 10],
    ['[10, 20]', 5, 10],
    ['[0.5]', 1, 0],
    ['[-3]', 1, 0],
    ['[Infinity]', 1, 315_360_000],
    ['[1e300]', 1, 315_360_000],
    ['[NaN]', 1, 0],
    ['["soon"]', 1, 0],
    ['[[1]]', 1, 0],
    ['{"0": 5}', 1, 0],
    ['7', 1, 0],
    ['not json', 1, 0],
    ['['.repeat(5_000), 1, 0],
    [`[${'1,'.repeat(40_000)}1]`, 1, 0],
  ])('with intervals %.20s and %i retries left it waits %i s', async (intervals, left, delay) => {
    await wire.enqueue(
      newJob('a', { fields: ['retries_left', left, 'retry_intervals', intervals] }),
    );
    const worker = wire.worker();
    expect(await worker.settle(await worker.claimOne(), fail())).toBe('retried');
    if (delay === 0) {
      expect(await wire.ids()).toEqual(['a']);
    } else {
      expect(await wire.status('a')).toBe('scheduled');
      expect(await isAbout(await wire.redis.zscore(keys.scheduled('default'), 'a'), delay)).toBe(
        true,
      );
    }
    expect((await wire.events()).at(-1)).toMatchObject({ kind: 'retried', delaySeconds: delay });
  });

  it('does not retry what another try cannot help', async () => {
    await wire.enqueue(newJob('a', { fields: ['retries_left', 5] }));
    const worker = wire.worker();
    expect(await worker.settle(await worker.claimOne(), fail('x', false))).toBe('quarantined');
  });
});

describe('a job whose id somebody moved to another queue', () => {
  const move = async (id: string): Promise<void> => {
    await wire.enqueue(id);
    await wire.redis.lmove(keys.queue('default'), keys.queue('other'), 'RIGHT', 'RIGHT');
  };

  it('finishes into the registry of its origin, as in RQ, held or not, and where it was taken from when that is something else', async () => {
    await wire.enqueue('plain', 'held', 'spoilt');
    await wire.enqueuePython('python');
    await wire.redis.hset(keys.job('spoilt'), 'origin', 'wrong');
    await wire.redis.set(keys.finished('wrong'), 'x');
    await wire.redis.rename(keys.queue('default'), keys.queue('other'));
    const worker = wire.worker('other');
    const { claimed } = await worker.send(worker.request({ toStart: 1, toHold: 3 }));
    for (const job of claimed) expect(await worker.settle(job, finish())).toBe('finished');
    const ended = (queue: string) => wire.redis.zrange(keys.finished(queue), 0, '-1');
    expect((await ended('default')).sort()).toEqual(['held', 'plain', 'python']);
    expect(await ended('other')).toEqual(['spoilt']);
  });

  it('fails into the registry of its origin, as in RQ, and leaves it without a trace', async () => {
    const worker = wire.worker('other');
    for (const id of ['requeued', 'deleted']) {
      await move(id);
      expect(await worker.settle(await worker.claimOne(), fail())).toBe('quarantined');
      expect(await wire.redis.zrange(keys.failed('default'), 0, '-1')).toEqual([id]);
      expect(await wire.redis.exists(keys.failed('other'))).toBe(0);
      if (id === 'requeued') await requeue(wire.redis, [id], false, wire.settings);
      else await deleteJob(wire.redis, 'default', id, wire.settings);
      expect(await wire.redis.exists(keys.failed('default'), keys.failedQueue)).toBe(0);
      expect(await wire.ids()).toEqual(['requeued']);
      expect(await wire.ids('other')).toEqual([]);
    }
  });

  it('fails where it was taken from when the registry of its origin is something else', async () => {
    const worker = wire.worker('other');
    await wire.redis.set(keys.failed('default'), 'x');
    await move('a');
    expect(await worker.settle(await worker.claimOne(), fail())).toBe('quarantined');
    expect(await wire.redis.zrange(keys.failed('other'), 0, '-1')).toEqual(['a']);
  });
});

describe('back and pass', () => {
  it('puts a job back to the head of its queue, and charges nothing', async () => {
    await wire.enqueue('a', 'b');
    const worker = wire.worker();
    expect(await worker.settle(await worker.claimOne(), back)).toBe('handedBack');
    expect(await wire.ids()).toEqual(['a', 'b']);
    expect(await wire.status('a')).toBe('queued');
    expect(await wire.redis.zcard(keys.wip('default'))).toBe(0);
    expect(await wire.story('a')).toBe('enqueued started handedBack');
    // A held one was not even begun.
    const [held] = await wire.worker().hold(1);
    expect(held && (await worker.settle(held, back))).toBe('handedBack');
    expect(await wire.hash('a')).not.toHaveProperty('x_exec');
    expect(await wire.story('a')).toBe('enqueued started handedBack handedBack');
    // One that was held and did begin has used its fence up.
    const [begun] = await wire.worker().hold(1);
    expect(begun && (await worker.settle(begun, back, { beganAtMs: 0 }))).toBe('handedBack');
    expect((await wire.worker().claimOne()).attempt).toBe((begun?.attempt ?? 0) + 1);
  });

  it('passes a job on so often, and then quarantines it', async () => {
    await wire.enqueue('a', 'b');
    const pass = { kind: 'pass', reason: 'no handler "x"', limit: 2 } as const;
    const verdicts: string[] = [];
    for (let round = 0; round < 4; round++) {
      const worker = wire.worker();
      const job = await worker.claimOne();
      verdicts.push(
        `${job.jobId} ${await worker.settle(job, job.jobId === 'a' ? pass : finish())}`,
      );
    }
    expect(verdicts).toEqual(['a handedBack', 'b finished', 'a handedBack', 'a quarantined']);
    expect((await wire.hash('a')).exc_info).toBe('no handler "x"');
  });

  it('leaves to Python what a pickle of more than data asks for, where a worker of Python’s serves the queue', async () => {
    const end = { ...fail('its payload'), retryable: false, forPython: true as const };
    await wire.enqueue('a', 'b');
    const worker = wire.worker();
    const [a, b] = (await worker.claim(2)) as [ClaimedJob, ClaimedJob];
    expect(await worker.settle(a, end)).toBe('quarantined');
    await wire.redis.sadd('rq:workers:default', 'rq:worker:snake');
    await wire.redis.hset('rq:worker:snake', 'version', '2.12.0');
    expect(await worker.settle(b, end)).toBe('handedBack');
    expect(await wire.ids()).toEqual(['b']);
    // Not again at once.
    expect(await worker.claim(1)).toEqual([]);
    expect(await wire.ids()).toEqual(['b']);
    expect(await wire.story('b')).toBe('enqueued started handedBack');
  });
});

describe('the fence', () => {
  it('refuses an outcome when the lease is gone, as after a Python cleaner', async () => {
    await wire.enqueue('a', 'b');
    const worker = wire.worker();
    const job = await worker.claimOne();
    // RQ's cleanup of an abandoned job with retries left.
    await wire.redis
      .multi()
      .zrem(keys.wip('default'), `a:${job.execution}`)
      .hset(keys.job('a'), 'status', 'queued')
      .rpush(keys.queue('default'), 'a')
      .exec();
    const before = await wire.snapshot('rq:*');
    for (const end of [finish(), fail(), back]) expect(await worker.settle(job, end)).toBe('lost');
    expect(await wire.snapshot('rq:*')).toEqual(before);
    expect((await wire.events()).at(-1)).toMatchObject({
      kind: 'lost',
      jobId: 'a',
      execution: job.execution,
      outcome: 'back',
    });
  });

  it.each(['queued', 'failed', 'finished', 'stopped', 'scheduled'])(
    'refuses an outcome when somebody made the job %s meanwhile',
    async (status) => {
      await wire.enqueue('a');
      const worker = wire.worker();
      const job = await worker.claimOne();
      await wire.redis.hset(keys.job('a'), 'status', status);
      if (isEnd(status)) await wire.endAs('a', status);
      if (status === 'queued') await wire.redis.rpush(keys.queue('default'), 'a');
      if (status === 'scheduled') await wire.redis.zadd(keys.scheduled('default'), 1, 'a');
      const before = await wire.hash('a');
      expect(await worker.settle(job, finish())).toBe('lost');
      expect(await wire.hash('a')).toEqual(before);
      expect(await wire.redis.zcard(keys.wip('default'))).toBe(0);
    },
  );

  it('ends a job once that one exchange has from two executions, whatever RQ’s `save()` wrote between them', async () => {
    const worker = wire.worker();
    await wire.enqueue('twice');
    const one = await worker.claimOne();
    await wire.redis.hset(keys.job('twice'), 'status', 'queued');
    await wire.redis.rpush(keys.queue('default'), 'twice');
    const two = await worker.claimOne();
    const settlements = [one, two].map((job) => settlement(job, finish()));
    const { verdicts } = await worker.send(worker.request({ settlements }));
    expect(verdicts).toEqual(['finished', 'lost']);
  });

  it('takes the outcomes of many that RQ’s `save()` touched, in one exchange', async () => {
    const ids = 'abcdef'.split('');
    await wire.enqueue(...ids);
    const worker = wire.worker();
    const jobs = await worker.claim(6);
    for (const id of ids) await wire.redis.hset(keys.job(id), 'status', 'queued');
    const ends = [finish(), fail(), finish(), back, finish(), finish()];
    const settlements = jobs.map((job, at) => settlement(job, ends[at] ?? back));
    const { verdicts } = await worker.send(worker.request({ settlements }));
    expect(verdicts).toEqual([
      'finished',
      'quarantined',
      'finished',
      'handedBack',
      'finished',
      'finished',
    ]);
    expect(await wire.ids()).toEqual(['d']);
    expect(await wire.redis.zcard(keys.wip('default'))).toBe(0);
  });

  it.each([
    'queued',
    'scheduled',
    'deferred',
    'created',
    'rate_limited',
    'failed',
    'finished',
    'canceled',
  ])('takes an outcome when only RQ’s `save()` wrote back that the job is %s', async (status) => {
    await wire.enqueue('a', 'b', 'c', 'd');
    const worker = wire.worker();
    const [a, b, c] = (await worker.claim(3)) as [ClaimedJob, ClaimedJob, ClaimedJob];
    const [d] = (await worker.hold(1)) as [ClaimedJob];
    for (const id of 'abcd') await wire.redis.hset(keys.job(id), 'status', status);
    expect(await worker.settle(a, finish('"x"'))).toBe('finished');
    expect(await wire.hash('a')).toMatchObject({ status: 'finished', result: '"x"' });
    expect(await worker.settle(b, fail())).toBe('quarantined');
    expect(await wire.status('b')).toBe('failed');
    expect(await worker.settle(c, back)).toBe('handedBack');
    expect(await wire.ids()).toEqual(['c']);
    expect(await worker.settle(d, finish(), { beganAtMs: performance.now() })).toBe('finished');
    expect(await wire.story('d')).toBe('enqueued started finished');
    expect(await wire.redis.zcard(keys.wip('default'))).toBe(0);
  });

  it.each(['claim', 'hold'] as const)(
    'does not end a job that was deleted and made anew under its id (%s)',
    async (verb) => {
      await wire.enqueue('a');
      const old = wire.worker();
      const [job] = await old[verb](1);
      if (!job) throw new Error('nothing claimed');
      await deleteJob(wire.redis, 'default', 'a', wire.settings);
      await wire.enqueue('a');
      const mine = wire.worker();
      const [again] = await mine[verb](1);
      expect(await old.settle(job, finish('"old"'), { beganAtMs: 0 })).toBe('lost');
      expect(again && (await mine.settle(again, finish('"new"'), { beganAtMs: 0 }))).toBe(
        'finished',
      );
      expect((await wire.hash('a')).result).toBe('"new"');
    },
  );

  it('does not let a held job end under a hold that is not its own', async () => {
    await wire.enqueue('a');
    const old = wire.worker();
    const [job] = await old.hold(1);
    if (!job) throw new Error('nothing held');
    // redis-cli DEL, and the same id again: the lease is still there, the hold is not.
    await wire.redis.del(keys.job('a'));
    await wire.enqueue('a');
    await old.send(old.request({ begun: [{ job, beganAtMs: 0 }] }));
    expect(await wire.status('a')).toBe('queued');
    expect(await old.settle(job, finish('"old"'))).toBe('lost');
    expect((await wire.worker().claimOne()).jobId).toBe('a');
  });

  it('does not bring back a deleted job', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const job = await worker.claimOne();
    await wire.redis.del(keys.job('a'));
    expect(await worker.settle(job, finish())).toBe('gone');
    expect(await wire.redis.exists(keys.job('a'))).toBe(0);
    expect(await wire.redis.zcard(keys.wip('default'))).toBe(0);
  });

  it('47: goes by the lease alone where the status says nothing', async () => {
    await wire.enqueue('odd', 'bare', 'held');
    const worker = wire.worker();
    const jobs = [...(await worker.claim(2)), ...(await worker.hold(1))];
    for (const id of ['odd', 'held']) await wire.redis.hset(keys.job(id), 'status', 'exploded');
    await wire.redis.hdel(keys.job('bare'), 'status');
    for (const job of jobs) expect(await worker.settle(job, finish('"x"'))).toBe('finished');
    for (const id of ['odd', 'bare', 'held'])
      expect(await wire.hash(id)).toMatchObject({ status: 'finished', result: '"x"' });
    expect(await wire.redis.zrange(keys.finished('default'), '0', '-1')).toHaveLength(3);
  });

  it('says that a job was canceled, also after Python removed the lease', async () => {
    await wire.enqueue('a', 'b');
    const worker = wire.worker();
    const jobs = await worker.claim(2);
    for (const job of jobs) await wire.endAs(job.jobId, 'canceled');
    await wire.redis.zrem(keys.wip('default'), `b:${jobs[1]?.execution}`);
    for (const job of jobs) expect(await worker.settle(job, finish())).toBe('canceled');
    expect(await wire.status('a')).toBe('canceled');
    expect(await wire.story('b')).toBe('enqueued started');
  });

  it('tells a start that could not be reported when the job ends', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const [job] = await worker.hold(1);
    if (!job) throw new Error('nothing held');
    await wire.redis.set(keys.finished('default'), 'x');
    await worker.send(worker.request({ begun: [{ job, beganAtMs: performance.now() }] }));
    expect(await wire.status('a')).toBe('queued');
    await wire.redis.del(keys.finished('default'));
    expect(await worker.settle(job, finish(), { tookMs: 3_000 })).toBe('finished');
    const { started_at, ended_at } = await wire.hash('a');
    const took = Number(fromTimestamp(ended_at)) - Number(fromTimestamp(started_at));
    expect(Math.abs(took - 3_000)).toBeLessThanOrEqual(1);
    expect(await wire.story('a')).toBe('enqueued started finished');
  });

  it('removes the execution keys that the heartbeat wrote', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const job = await worker.claimOne();
    await extend(
      wire.redis,
      worker,
      'default',
      [{ job, sinceMs: performance.now() }],
      wire.settings,
    );
    expect(await wire.redis.exists(keys.executions('a'), keys.execution('a', job.execution))).toBe(
      2,
    );
    await worker.settle(job, finish(), { heartbeaten: true });
    expect(await wire.redis.exists(keys.executions('a'), keys.execution('a', job.execution))).toBe(
      0,
    );
  });
});

describe('a repeated request', () => {
  it('answers the same and changes nothing', async () => {
    await wire.enqueue('a', 'b', 'c');
    const worker = wire.worker();
    const jobs = await worker.claim(2);
    const request = worker.request({
      settlements: [settlement(jobs[0] as never, finish()), settlement(jobs[1] as never, fail())],
      toStart: 5,
    });
    const reply = await worker.send(request);
    expect(reply.verdicts).toEqual(['finished', 'quarantined']);
    const before = await wire.snapshot();
    for (let again = 0; again < 3; again++) expect(await worker.send(request)).toEqual(reply);
    expect(await wire.snapshot()).toEqual(before);
  });

  it('answers how the result is wanted now, when Python has enqueued the id anew meanwhile', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    const request = worker.request({ toStart: 1 });
    expect((await worker.send(request)).claimed).toMatchObject([
      { isNew: true, wantsStream: false },
    ]);
    await wire.redis.hset(keys.job('a'), 'success_callback_name', '');
    expect((await worker.send(request)).claimed).toMatchObject([
      { isNew: false, wantsStream: true },
    ]);
  });

  it('comes 50 times at once and claims once', async () => {
    await wire.enqueue(...Array.from({ length: 100 }, (_, n) => `job-${n}`));
    const worker = wire.worker();
    const request = worker.request({ toStart: 3, toHold: 2 });
    const replies = await Promise.all(Array.from({ length: 50 }, () => worker.send(request)));
    for (const reply of replies) expect(reply).toEqual(replies[0]);
    expect(await wire.redis.zcard(keys.wip('default'))).toBe(5);
    expect(await wire.redis.llen(keys.queue('default'))).toBe(95);
  });

  it('leaves out what was recovered, deleted or spoilt meanwhile', async () => {
    await wire.enqueue('a', 'b', 'c', 'd');
    const worker = wire.worker();
    const request = worker.request({ toStart: 4 });
    const { claimed } = await worker.send(request);
    await wire.redis.zrem(keys.wip('default'), `a:${claimed[0]?.execution}`);
    await wire.redis.del(keys.job('b'), keys.job('c'));
    await wire.redis.set(keys.job('c'), 'x');
    expect((await worker.send(request)).claimed.map(({ jobId }) => jobId)).toEqual(['d']);
    await wire.redis.del(keys.wip('default'));
    await wire.redis.set(keys.wip('default'), 'x');
    expect((await worker.send(request)).claimed).toEqual([]);
  });

  it('is refused when its caller went on long ago', async () => {
    await wire.enqueue('a', 'b', 'c');
    const worker = wire.worker();
    const stale = worker.request({ toStart: 1 });
    const [first] = (await worker.send(stale)).claimed;
    const [second] = await worker.claim(1);
    const before = await wire.snapshot();
    await expect(worker.send(stale)).rejects.toThrow('RXRQSTALE');
    expect(await wire.snapshot()).toEqual(before);
    // The other slot, and another worker of this name, are not older.
    expect((await worker.send(stale, 1)).claimed).toHaveLength(1);
    expect([first?.jobId, second?.jobId]).toEqual(['a', 'b']);
  });

  it('leaves its mark though it brought nothing: a copy that the network held up takes nothing', async () => {
    const worker = wire.worker();
    const request = worker.request({ toStart: 1 });
    expect((await worker.send(request, 0, true)).claimed).toEqual([]);
    await wire.enqueue('a');
    expect((await worker.send(request)).claimed).toEqual([]);
    expect((await worker.claimOne()).jobId).toBe('a');
    await expect(worker.send(request)).rejects.toThrow('RXRQSTALE');
  });

  it('comes too late also behind a begin that was reported and changed nothing', async () => {
    await wire.enqueue('a', 'b');
    const worker = wire.worker();
    const request = worker.request({ toHold: 1 });
    const [job] = (await worker.send(request)).claimed;
    if (!job) throw new Error('nothing claimed');
    await cancel(wire.redis, 'default', 'a', wire.settings);
    await worker.send(worker.request({ begun: [{ job, beganAtMs: 0 }] }));
    await expect(worker.send(request)).rejects.toThrow('RXRQSTALE');
    expect(await wire.ids()).toEqual(['b']);
  });

  it('is forgotten after an hour', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    await worker.claim(1);
    const ttl = await wire.redis.ttl(keys.reply(worker.name, 0));
    expect(ttl).toBeGreaterThan(3_590);
    expect(ttl).toBeLessThanOrEqual(3_600);
  });

  it('goes on after SCRIPT FLUSH', async () => {
    await wire.enqueue('a');
    const worker = wire.worker();
    await wire.redis.script('FLUSH');
    const job = await worker.claimOne();
    await wire.redis.script('FLUSH');
    expect(await worker.settle(job, finish())).toBe('finished');
  });
});

describe('stop', () => {
  const text = 'Job stopped by user, work-horse terminated.';
  const stop = { kind: 'stop', reason: text, traceback: text } as const;

  it('goes to the FailedQueue as stopped, with its retries, and is counted as failed', async () => {
    await wire.enqueue(newJob('a', { fields: ['retries_left', '3', 'failure_ttl', '60'] }));
    const worker = wire.worker();
    await wire.redis.hset(keys.worker(worker.name), 'birth', 'x');
    const job = await worker.claimOne();
    expect(await worker.settle(job, stop)).toBe('stopped');
    expect(await wire.hash('a')).toMatchObject({
      status: 'stopped',
      retries_left: '3',
      exc_info: text,
    });
    expect(await isAbout(await wire.redis.zscore(keys.failed('default'), 'a'), 60)).toBe(true);
    expect(await wire.redis.lrange(keys.failedQueue, 0, -1)).toEqual(['a']);
    expect(await wire.story('a')).toBe('enqueued started stopped quarantined');
    expect(await wire.redis.hget(keys.worker(worker.name), 'failed_job_count')).toBe('1');
    expect(await wire.ids()).toEqual([]);
    expect(await wire.redis.zcard(keys.wip('default'))).toBe(0);
  });

  it('is a result of type 2 where Python reads results', async () => {
    await wire.enqueuePython('a');
    const worker = wire.worker();
    expect(await worker.settle(await worker.claimOne(), stop)).toBe('stopped');
    const [[, fields]] = (await wire.redis.xrange(keys.results('a'), '-', '+')) as [
      [string, string[]],
    ];
    expect(fields.slice(0, 2)).toEqual(['type', '2']);
    const packed = fields[fields.indexOf('exc_string') + 1] as string;
    expect(inflateSync(Buffer.from(packed, 'base64')).toString()).toBe(text);
    expect(await wire.redis.hexists(keys.job('a'), 'exc_info')).toBe(0);
  });

  it('changes nothing when the lease is gone, or the job was canceled or deleted meanwhile', async () => {
    await wire.enqueue('a', 'b', 'c');
    const worker = wire.worker();
    const [a, b, c] = await worker.claim(3);
    if (!a || !b || !c) throw new Error('nothing claimed');
    await wire.redis.zrem(keys.wip('default'), `a:${a.execution}`);
    await wire.endAs('b', 'canceled');
    await wire.redis.del(keys.job('c'));
    expect(await worker.settle(a, stop)).toBe('lost');
    expect(await worker.settle(b, stop)).toBe('canceled');
    expect(await worker.settle(c, stop)).toBe('gone');
    expect(await wire.redis.exists(keys.failedQueue, keys.failed('default'), keys.job('c'))).toBe(
      0,
    );
  });
});
