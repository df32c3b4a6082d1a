import { describe, expect, it } from '@jest/globals';
import { InvalidOptionError } from '../../src/redis/errors.js';
import { fieldsOf, type JobOptions } from '../../src/redis/job-options.js';
import { fetchJob, readResult } from '../../src/redis/job-store.js';
import { keys } from '../../src/redis/keys.js';
import type { RetryAsked, Settlement } from '../../src/redis/transitions/settlement.js';
import { freshWire } from './support/fresh-wire.js';
import { fail, finish, newJob, settlement, type Wire } from './support/wire.js';

let wire: Wire;
freshWire((fresh) => {
  wire = fresh;
});

const scheduled = keys.scheduled('default');
const fieldsFor = (options: JobOptions): Record<string, unknown> => {
  const { fields } = fieldsOf(options);
  return Object.fromEntries(
    Array.from({ length: fields.length / 2 }, (_, n) => [fields[2 * n], fields[2 * n + 1]]),
  );
};
const enqueue = (id: string, options: JobOptions) =>
  wire.enqueue(newJob(id, { fields: fieldsOf(options).fields }));
/** Seconds until a scheduled job is due, rounded; `null` when it is on its queue. */
const pauseOf = async (id: string): Promise<number | null> => {
  const score = await wire.redis.zscore(scheduled, id);
  return score === null ? null : Number(score) - (await wire.nowSeconds());
};
/** As a scheduler would, at once. */
const bringBack = async (id: string): Promise<void> => {
  await wire.redis.zrem(scheduled, id);
  await wire.redis.hset(keys.job(id), 'status', 'queued');
  await wire.redis.rpush(keys.queue('default'), id);
};

describe('retry with backoff', () => {
  const pausesFor = (backoff: object, max = 6): number[] =>
    JSON.parse(fieldsFor({ retry: { max, backoff: backoff as never } }).retry_intervals as string);

  it("becomes RQ's list: one pause for each attempt, in their order", () => {
    expect(fieldsFor({ retry: { max: 3, backoff: { kind: 'exponential', delay: 5 } } })).toEqual({
      retries_left: 3,
      retry_intervals: '[5,10,20]',
    });
    expect(pausesFor({ kind: 'exponential', delay: '1m', factor: 10, max: '1h' })).toEqual([
      60, 600, 3_600, 3_600, 3_600, 3_600,
    ]);
    expect(pausesFor({ kind: 'exponential', delaySeconds: 2, factor: 1 })).toEqual([
      2, 2, 2, 2, 2, 2,
    ]);
    expect(pausesFor({ kind: 'exponential', delay: 1, factor: 1_000 }, 1_000).at(-1)).toBe(3_600);
  });

  it('leaves the part to chance that jitter says, and never less than a second', () => {
    const backoff = { kind: 'exponential', delay: 1_000, factor: 1, jitter: 0.25 };
    const pauses = pausesFor(backoff, 500);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(750);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(1_000);
    expect(new Set(pauses).size).toBeGreaterThan(50);
    expect(new Set(pausesFor({ ...backoff, delay: 1, jitter: 1 }, 50))).toEqual(new Set([1]));
  });

  it('refuses what makes no pauses', () => {
    const refused: object[] = [
      { kind: 'linear', delay: 1 },
      { kind: 'exponential' },
      { kind: 'exponential', delay: 0 },
      { kind: 'exponential', delay: 1, factor: 0.5 },
      { kind: 'exponential', delay: 1, factor: Number.NaN },
      { kind: 'exponential', delay: 1, jitter: 1.1 },
      { kind: 'exponential', delay: 1, max: -1 },
    ];
    for (const backoff of refused) expect(() => pausesFor(backoff)).toThrow(InvalidOptionError);
    expect(() => pausesFor({ kind: 'exponential', delay: 1 }, 1_001)).toThrow(/retry\.max/);
    const both = { max: 1, intervals: 1, backoff: { kind: 'exponential', delay: 1 } as const };
    expect(() => fieldsOf({ retry: both })).toThrow(/retry\.backoff/);
  });

  it('is kept to, attempt by attempt', async () => {
    await enqueue('a', { retry: { max: 3, backoff: { kind: 'exponential', delay: 100 } } });
    const worker = wire.worker();
    for (const pause of [100, 200, 400]) {
      expect(await worker.settle(await worker.claimOne(), fail())).toBe('retried');
      expect(await pauseOf('a')).toBeGreaterThanOrEqual(pause - 2);
      expect(await pauseOf('a')).toBeLessThanOrEqual(pause);
      expect((await wire.hash('a')).ended_at).toMatch(/Z$/);
      await bringBack('a');
    }
    expect(await worker.settle(await worker.claimOne(), fail())).toBe('quarantined');
  });
});

describe('a retry that its handler asked for', () => {
  const asking = (retryAsked: RetryAsked): Settlement['end'] => ({
    kind: 'fail',
    reason: 'RetryError: not there yet',
    retryable: true,
    traceback: 'RetryError: not there yet\n    at tasks.js:1',
    retryAsked,
  });

  it("follows RQ's rule: a count that goes up, pauses from the list's begin, the last one again", async () => {
    await enqueue('a', { retry: { max: 5, intervals: 1_000 } });
    const worker = wire.worker();
    const asked = asking({ max: 3, intervalsSeconds: [0, 50] });
    const pauses: Array<number | null> = [];
    for (let run = 1; run <= 3; run += 1) {
      expect(await worker.settle(await worker.claimOne(), asked)).toBe('retried');
      pauses.push(await pauseOf('a'));
      if (pauses.at(-1) !== null) await bringBack('a');
      expect(await wire.hash('a')).toMatchObject({
        number_of_retries: String(run),
        retries_left: '5',
      });
    }
    expect(pauses[0]).toBeNull();
    for (const pause of pauses.slice(1)) expect([49, 50]).toContain(pause);
    expect(await worker.settle(await worker.claimOne(), asked)).toBe('quarantined');
    expect(await wire.story('a')).toBe(
      'enqueued started failed retried started failed retried started failed retried started failed quarantined',
    );
    const { excInfo, status } = await fetchJob(wire.redis, 'a');
    expect(status).toBe('failed');
    expect(excInfo).toMatch(/^Job failed after 3 retry attempts\nRetryError: not there yet\n/);
    expect(await wire.redis.zcard(keys.failed('default'))).toBe(1);
    const counts = (await wire.events()).flatMap((event) =>
      event.kind === 'retried' ? [event.retriesLeft] : [],
    );
    expect(counts).toEqual([2, 1, 0]);
  });

  it.each([
    ['RQ 2', { group_id: '' }, ['5', '4']],
    ['an older producer, whose readers stop at other types', {}, ['2']],
  ])('tells it in the results stream of %s', async (_, more, types) => {
    await wire.enqueuePython('a', { failure_ttl: '70', ...more });
    const worker = wire.worker();
    const asked = asking({ max: 1, intervalsSeconds: [0] });
    expect(await worker.settle(await worker.claimOne(), asked)).toBe('retried');
    expect(await readResult(wire.redis, await fetchJob(wire.redis, 'a'))).toBeNull();
    expect(await worker.settle(await worker.claimOne(), asked)).toBe('quarantined');
    const entries = await wire.redis.xrevrange(keys.results('a'), '+', '-');
    expect(entries.map(([, fields]) => fields[1])).toEqual(types);
    expect(await readResult(wire.redis, await fetchJob(wire.redis, 'a'))).toMatchObject({
      kind: 'failed',
      traceback: expect.stringMatching(/^Job failed after 1 retry attempts\n/),
    });
    expect(await wire.redis.ttl(keys.results('a'))).toBeGreaterThan(60);
  });

  it('finds a count that nobody could read to be none', async () => {
    await wire.enqueue(newJob('a', { fields: ['number_of_retries', 'many'] }));
    const worker = wire.worker();
    const asked = asking({ max: 1, intervalsSeconds: [0] });
    expect(await worker.settle(await worker.claimOne(), asked)).toBe('retried');
    expect(await wire.hash('a')).toMatchObject({ number_of_retries: '1' });
  });
});

describe('a job that repeats', () => {
  it('is written as RQ writes it', () => {
    expect(fieldsFor({ repeat: { times: 3 } })).toEqual({
      repeats_left: 3,
      repeat_intervals: '[0]',
    });
    expect(fieldsFor({ repeat: { times: 2, intervals: ['1m', 7] } })).toEqual({
      repeats_left: 2,
      repeat_intervals: '[60,7]',
    });
    for (const repeat of [{ times: 0 }, { times: 1.5 }, { times: 1, intervals: -1 }])
      expect(() => fieldsOf({ repeat })).toThrow(InvalidOptionError);
  });

  it("waits by RQ's rule: the list is used from its end on, and behind it the last one counts", async () => {
    await enqueue('a', { repeat: { times: 3, intervalsSeconds: [0, 70] }, resultTtl: 60 });
    const worker = wire.worker();
    const pauses: Array<number | null> = [];
    for (let left = 2; left >= 0; left -= 1) {
      expect(await worker.settle(await worker.claimOne(), finish(String(left)))).toBe('finished');
      pauses.push(await pauseOf('a'));
      expect(await wire.hash('a')).toMatchObject({
        repeats_left: String(left),
        result: String(left),
        status: pauses.at(-1) === null ? 'queued' : 'scheduled',
      });
      expect(await wire.redis.ttl(keys.job('a'))).toBe(-1);
      expect(await wire.redis.zcard(keys.finished('default'))).toBe(0);
      if (pauses.at(-1) !== null) await bringBack('a');
    }
    for (const pause of pauses.slice(0, 2)) expect([69, 70]).toContain(pause);
    expect(pauses[2]).toBeNull();
    await worker.settle(await worker.claimOne(), finish('last'));
    expect(await wire.status('a')).toBe('finished');
    expect(await wire.redis.ttl(keys.job('a'))).toBeGreaterThan(50);
    expect(await wire.story('a')).toBe(
      `enqueued ${'started finished repeated '.repeat(3)}started finished`,
    );
    expect((await wire.hash('a')).x_attempt).toBe('4');
  });

  it('begins its time to live anew on the queue, and loses its marks', async () => {
    await enqueue('a', { repeat: { times: 1 }, ttl: 300 });
    await wire.redis.hset(keys.job('a'), 'x_recoveries', '1');
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), finish());
    expect(await wire.redis.ttl(keys.job('a'))).toBeGreaterThan(290);
    expect(await wire.hash('a')).not.toHaveProperty('x_recoveries');
  });

  it('repeats when it was held and its begin was never told, and its results belong in the stream', async () => {
    await wire.enqueuePython('a', { repeats_left: '1', repeat_intervals: '[0]' });
    const worker = wire.worker();
    const [held] = await worker.hold();
    if (!held) throw new Error('nothing to hold');
    const ended = settlement(held, finish('1'), { beganAtMs: performance.now() });
    expect((await worker.send(worker.request({ settlements: [ended] }))).verdicts).toEqual([
      'finished',
    ]);
    expect(await wire.ids()).toEqual(['a']);
    expect(await wire.hash('a')).toMatchObject({
      status: 'queued',
      repeats_left: '0',
      x_attempt: '1',
    });
    expect(await wire.redis.xlen(keys.results('a'))).toBe(1);
    await worker.settle(await worker.claimOne(), finish('2'));
    expect(await wire.status('a')).toBe('finished');
  });

  it('repeats also when nothing of it is kept (result ttl 0)', async () => {
    await enqueue('a', { repeat: { times: 1 }, resultTtl: 0 });
    const worker = wire.worker();
    await worker.settle(await worker.claimOne(), finish());
    expect(await wire.hash('a')).not.toHaveProperty('result');
    await worker.settle(await worker.claimOne(), finish());
    expect(await wire.redis.exists(keys.job('a'))).toBe(0);
  });

  it.each(['', 'x', '[]', '{}', '["soon"]', '[null]', '[-5]', '[1e400]'])(
    'reads no pause from %p',
    async (intervals) => {
      await wire.enqueue(
        newJob('a', { fields: ['repeats_left', 1, 'repeat_intervals', intervals] }),
      );
      const worker = wire.worker();
      await worker.settle(await worker.claimOne(), finish());
      if (intervals === '[1e400]') expect(await pauseOf('a')).toBeGreaterThan(300_000_000);
      else expect(await wire.ids()).toEqual(['a']);
    },
  );

  it('ends when it fails, and when somebody wrote a count that is none', async () => {
    await enqueue('a', { repeat: { times: 5 } });
    await wire.enqueue(newJob('b', { fields: ['repeats_left', 'always'] }));
    const worker = wire.worker();
    expect(await worker.settle(await worker.claimOne(), fail())).toBe('quarantined');
    expect(await worker.settle(await worker.claimOne(), finish())).toBe('finished');
    expect([await wire.status('a'), await wire.status('b')]).toEqual(['failed', 'finished']);
  });

  it('keeps its outcome while the registry is no registry, held or not', async () => {
    await enqueue('a', { repeat: { times: 1, intervals: 60 } });
    await enqueue('b', { repeat: { times: 1, intervals: 60 } });
    const worker = wire.worker();
    const started = await worker.claimOne();
    const [held] = await worker.hold();
    if (!held) throw new Error('nothing to hold');
    await wire.redis.set(scheduled, 'text');
    const send = () =>
      worker.send(
        worker.request({
          settlements: [
            settlement(started, finish(), { heartbeaten: true }),
            settlement(held, finish(), { beganAtMs: performance.now() }),
          ],
        }),
      );
    const refused = await send();
    expect(refused.verdicts).toEqual(['refused', 'refused']);
    expect(refused.faults).toEqual([`Key ${scheduled} holds a string where a zset belongs`]);
    expect(await wire.redis.zcard(keys.wip('default'))).toBe(2);
    await wire.redis.del(scheduled);
    expect((await send()).verdicts).toEqual(['finished', 'finished']);
    expect(await wire.redis.zrange(scheduled, '0', '-1')).toEqual(['a', 'b']);
    expect(await wire.story('b')).toBe('enqueued started finished repeated');
  });
});
