import { describe, expect, it } from '@jest/globals';
import { listCronSchedulers } from '../../src/redis/cron-records.js';
import { WrongKeyTypeError } from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { beatCron, buryCron, openCron } from '../../src/redis/transitions/cron-life.js';
import { type CronTick, cronTick } from '../../src/redis/transitions/cron-tick.js';
import { refuse } from '../../src/redis/wrong-type.js';
import { startPrivateRedis } from '../support/redis.js';
import { freshWire } from './support/fresh-wire.js';
import { newJob, Wire } from './support/wire.js';

let wire: Wire;
freshWire((fresh) => {
  wire = fresh;
});

const queue = 'default';
const createdAt = '2026-07-03T00:00:00.000000Z';
const tickOf = (id: string, when: CronTick['when'], more: Partial<CronTick> = {}): CronTick => ({
  queue,
  name: 'nightly',
  when,
  job: newJob(id),
  createdAt,
  ...more,
});
const ask = (tick: CronTick) => cronTick(wire.redis, tick, wire.settings);
const nowMs = async (): Promise<number> => {
  const [seconds, micros] = (await wire.redis.time()) as unknown as [number, number];
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
};
const ids = () => wire.redis.lrange(keys.queue(queue), 0, -1);

describe('a tick of a cron entry', () => {
  it('becomes a job, an entry of its history, and an event, in one step', async () => {
    const dueMs = (await nowMs()) - 5;
    expect(await ask(tickOf('a', { dueMs }))).toMatchObject({ verdict: 'enqueued', dueMs });
    expect(await ids()).toEqual(['a']);
    expect(await wire.redis.hget(keys.job('a'), 'status')).toBe('queued');
    expect(await wire.redis.hgetall(keys.cron(queue))).toEqual({ nightly: `${dueMs} a` });
    const [id, score] = await wire.redis.zrange(
      keys.cronHistory('nightly'),
      '0',
      '-1',
      'WITHSCORES',
    );
    expect(id).toBe('a');
    const enqueuedAt = (await wire.redis.hget(keys.job('a'), 'enqueued_at')) as string;
    // As RQ has it: the very time of the job, in seconds with fraction.
    expect(Math.round(Number(score) * 1_000_000) % 1_000_000).toBe(
      Number(enqueuedAt.slice(20, 26)),
    );
    expect(await wire.redis.zrange(keys.cronJobs, '0', '-1')).toEqual(['nightly']);
    expect(await wire.redis.ttl(keys.cronHistory('nightly'))).toBe(31_536_000);
    expect(await wire.redis.smembers(keys.queues)).toEqual([keys.queue(queue)]);
    expect(await wire.redis.xlen(keys.events(queue))).toBe(1);
  });

  it('is enqueued once, whoever asks how often, and no earlier one after it', async () => {
    const dueMs = (await nowMs()) - 2_000;
    const asked = await Promise.all('abcdef'.split('').map((id) => ask(tickOf(id, { dueMs }))));
    expect(asked.filter(({ verdict }) => verdict === 'enqueued')).toHaveLength(1);
    expect(await ids()).toEqual(['a']);
    // The same request again is recognised.
    expect(await ask(tickOf('a', { dueMs }))).toMatchObject({ verdict: 'enqueued', dueMs });
    expect(await ask(tickOf('g', { dueMs: dueMs - 60_000 }))).toMatchObject({
      verdict: 'elsewhere',
      dueMs,
    });
    expect(await ask(tickOf('h', { dueMs: dueMs + 1_000 }))).toMatchObject({ verdict: 'enqueued' });
    expect(await ids()).toEqual(['a', 'h']);
  });

  it('is another one in another queue or by another name', async () => {
    const when = { dueMs: (await nowMs()) - 5 };
    await ask(tickOf('a', when));
    await ask(tickOf('b', when, { name: 'hourly' }));
    await ask(tickOf('c', when, { queue: 'other' }));
    expect(await ids()).toEqual(['a', 'b']);
    expect(await wire.redis.lrange(keys.queue('other'), 0, -1)).toEqual(['c']);
    // Entries of one name share RQ's history, as RQ's do.
    expect(await wire.redis.zcard(keys.cronHistory('nightly'))).toBe(2);
  });

  it('is refused before its time', async () => {
    const dueMs = (await nowMs()) + 60_000;
    const reply = await ask(tickOf('a', { dueMs }));
    expect(reply).toMatchObject({ verdict: 'early', dueMs });
    expect(Math.abs(reply.nowMs - (dueMs - 60_000))).toBeLessThan(5_000);
    expect(await wire.redis.dbsize()).toBe(0);
  });

  it('of an interval is due at once, then on its grid', async () => {
    const intervalMs = 3_600_000;
    const first = await ask(tickOf('a', { intervalMs }));
    expect(first).toMatchObject({ verdict: 'enqueued', dueMs: first.nowMs });
    expect(await ask(tickOf('b', { intervalMs }))).toMatchObject({
      verdict: 'elsewhere',
      dueMs: first.dueMs,
    });
    // A little late: the grid stays. By more than one interval: it begins anew.
    const now = await nowMs();
    await wire.redis.hset(keys.cron(queue), 'nightly', `${now - intervalMs - 500} x`);
    expect((await ask(tickOf('c', { intervalMs }))).dueMs).toBe(now - 500);
    await wire.redis.hset(keys.cron(queue), 'nightly', `${now - 3 * intervalMs} x`);
    expect((await ask(tickOf('d', { intervalMs }))).dueMs).toBeGreaterThanOrEqual(now);
    expect(await ids()).toEqual(['a', 'c', 'd']);
  });

  it.each(['garbage', '', '99999999999999999999 x', '9999999999999 x', '-5 x', '12'])(
    'is not kept from coming by a mark of %p',
    async (mark) => {
      await wire.redis.hset(keys.cron(queue), 'nightly', mark);
      expect(await ask(tickOf('a', { dueMs: (await nowMs()) - 5 }))).toMatchObject({
        verdict: 'enqueued',
      });
      await wire.redis.hset(keys.cron(queue), 'nightly', mark);
      expect(await ask(tickOf('b', { intervalMs: 1_000 }))).toMatchObject({ verdict: 'enqueued' });
      const { lastDuesMs, nowMs: now } = await openCron(wire.redis, [
        { queue, name: 'nightly', isFixed: true },
      ]);
      expect(lastDuesMs[0]).toBeLessThanOrEqual(now);
    },
  );

  it.each([
    ['queue', keys.queue(queue)],
    ['marks', keys.cron(queue)],
    ['history', keys.cronHistory('nightly')],
    ['names', keys.cronJobs],
    ['events', keys.events(queue)],
  ])('writes nothing when the key of its %s is of another type', async (_, key) => {
    await wire.redis.set(key, 'of another type');
    const attempt = ask(tickOf('a', { dueMs: (await nowMs()) - 5 }));
    await expect(attempt).rejects.toThrow(WrongKeyTypeError);
    expect(await wire.redis.keys('*')).toEqual([key]);
  });

  it('keeps a history of a thousand', async () => {
    const history = keys.cronHistory('nightly');
    const old = Array.from({ length: 1_000 }, (_, index) => [index, `old-${index}`]).flat();
    await wire.redis.zadd(history, ...(old as Array<number | string>));
    await ask(tickOf('a', { dueMs: (await nowMs()) - 5 }));
    expect(await wire.redis.zcard(history)).toBe(1_000);
    expect(await wire.redis.zrange(history, '-1', '-1')).toEqual(['a']);
    expect(await wire.redis.zscore(history, 'old-0')).toBeNull();
  });

  it('is refused whole over maxmemory, and comes when there is room', async () => {
    const full = await startPrivateRedis();
    const other = new Wire(full.url);
    try {
      const tick = tickOf('a', { dueMs: (await nowMs()) - 5 });
      await other.redis.config('SET', 'maxmemory', '1');
      await expect(cronTick(other.redis, tick, other.settings)).rejects.toThrow('OOM');
      expect(await other.redis.dbsize()).toBe(0);
      await other.redis.config('SET', 'maxmemory', '0');
      expect(await cronTick(other.redis, tick, other.settings)).toMatchObject({
        verdict: 'enqueued',
      });
    } finally {
      other.close();
      await full.stop();
    }
  });
});

describe('what an entry missed', () => {
  it('counts from when it was first seen', async () => {
    const entry = { queue, name: 'nightly', isFixed: true };
    const first = await openCron(wire.redis, [entry, { queue, name: 'ping', isFixed: false }]);
    expect(first.lastDuesMs).toEqual([first.nowMs, first.nowMs]);
    expect((await openCron(wire.redis, [entry])).lastDuesMs).toEqual([first.nowMs]);
    expect(await wire.redis.hkeys(keys.cron(queue))).toEqual(['nightly']);
    const dueMs = first.nowMs;
    // Seen is not enqueued before: a tick after that moment is due.
    expect(await ask(tickOf('a', { dueMs }))).toMatchObject({ verdict: 'elsewhere' });
    const { verdict } = await ask(tickOf('b', { dueMs: dueMs + 1 }));
    expect(['enqueued', 'early']).toContain(verdict);
  });
});

describe('the record of a cron process', () => {
  const record = {
    name: 'host:1:abc',
    hostname: 'host',
    pid: 1,
    config_file: 'c.js',
    cron_jobs: '[]',
  };

  it('comes back whole after it expired or was pruned, and goes at once', async () => {
    await beatCron(wire.redis, record, true);
    expect(await listCronSchedulers(wire.redis, refuse)).toMatchObject([
      { name: 'host:1:abc', hostname: 'host', pid: 1, configFile: 'c.js', entries: [] },
    ]);
    await wire.redis.flushdb();
    await beatCron(wire.redis, record, false);
    const [listed] = await listCronSchedulers(wire.redis, refuse);
    expect(listed?.createdAt).toBeInstanceOf(Date);
    expect(await wire.redis.ttl(keys.cronScheduler(record.name))).toBe(120);
    await buryCron(wire.redis, record.name);
    expect(await wire.redis.dbsize()).toBe(0);
  });

  it('prunes those that are silent for two minutes, and passes them over', async () => {
    const seconds = (await nowMs()) / 1_000;
    await wire.redis.zadd(keys.cronSchedulers, seconds - 121, 'dead', seconds - 60, 'quiet');
    await wire.redis.hset(keys.cronScheduler('dead'), { name: 'dead', hostname: 'h' });
    await wire.redis.hset(keys.cronScheduler('quiet'), { name: 'quiet', hostname: 'h' });
    expect((await listCronSchedulers(wire.redis, refuse)).map(({ name }) => name)).toEqual([
      'quiet',
    ]);
    expect(await wire.redis.zcard(keys.cronSchedulers)).toBe(2);
    await beatCron(wire.redis, record, true);
    expect(await wire.redis.zrange(keys.cronSchedulers, '0', '-1')).toEqual(['quiet', record.name]);
  });

  it.each(['not JSON', '{}', '[1, null, {"name": 5}]', '["x"]'])(
    'is listed with entries of %p',
    async (text) => {
      await beatCron(wire.redis, { ...record, cron_jobs: text }, true);
      const [listed] = await listCronSchedulers(wire.redis, refuse);
      for (const entry of listed?.entries ?? [])
        expect(entry).toMatchObject({ name: '?', queue: '?' });
    },
  );
});
