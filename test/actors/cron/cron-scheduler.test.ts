import { describe, expect, it } from '@jest/globals';
import type { CronEntry } from '../../../src/actors/cron/cron-entry.js';
import { planCron } from '../../../src/actors/cron/cron-plan.js';
import { cronScheduler } from '../../../src/actors/cron/cron-scheduler.js';
import type { CronTick, CronTickReply } from '../../../src/redis/transitions/cron-tick.js';
import { makeSystem } from '../kernel/support/system.js';

/** 2026-07-03T00:00:00Z at the start of every virtual clock. */
const epoch = Date.parse('2026-07-03T00:00:00Z');

/** Redis as the tick script sees it, shared by any number of schedulers. */
class FakeRedis {
  readonly marks = new Map<string, { dueMs: number; id: string }>();
  readonly jobs: Array<{ at: string; due: string; by: string }> = [];
  isAway = false;
  losesReplies = false;
  /** How far its clock is ahead of ours. */
  aheadMs = 0;

  constructor(private readonly now: () => number) {}

  get nowMs(): number {
    return epoch + this.now() + this.aheadMs;
  }

  tick(by: string, { name, when, job }: CronTick): CronTickReply {
    const { nowMs } = this;
    if (this.isAway) throw new Error('ECONNREFUSED');
    const mark = this.marks.get(name);
    if (mark?.id === job.id) return { verdict: 'enqueued', nowMs, dueMs: mark.dueMs };
    let dueMs: number;
    if ('intervalMs' in when) {
      const next = mark ? mark.dueMs + when.intervalMs : nowMs;
      if (nowMs < next) return { verdict: 'elsewhere', nowMs, dueMs: mark?.dueMs as number };
      dueMs = nowMs - next < when.intervalMs ? next : nowMs;
    } else {
      ({ dueMs } = when);
      if (dueMs > nowMs) return { verdict: 'early', nowMs, dueMs };
      if (mark && mark.dueMs >= dueMs) return { verdict: 'elsewhere', nowMs, dueMs: mark.dueMs };
    }
    this.marks.set(name, { dueMs, id: job.id });
    const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 19);
    this.jobs.push({ at: clock(nowMs), due: clock(dueMs), by });
    if (this.losesReplies) throw new Error('ECONNRESET');
    return { verdict: 'enqueued', nowMs, dueMs };
  }

  get dues(): string[] {
    return this.jobs.map(({ due }) => due);
  }
}

const makeWorld = () => {
  const { system, clock, fatal } = makeSystem();
  const redis = new FakeRedis(() => clock.now());
  const troubles: unknown[] = [];
  const beats: Array<ReadonlyArray<Record<string, unknown>>> = [];
  const start = (by: string, entries: readonly object[]) => {
    const plans = planCron(entries as CronEntry[]);
    const actor = system.spawn({
      ...cronScheduler(
        {
          open: async () => {
            if (redis.isAway) throw new Error('ECONNREFUSED');
            const lastDuesMs = plans.map(({ name }) => redis.marks.get(name)?.dueMs ?? redis.nowMs);
            return { nowMs: redis.nowMs, lastDuesMs };
          },
          tick: async (tick) => redis.tick(by, tick),
          beat: async (records) => {
            if (redis.isAway) throw new Error('ECONNREFUSED');
            beats.push(records);
            return redis.nowMs;
          },
        },
        {
          plans,
          nowMs: () => clock.now(),
          onEnqueued: () => undefined,
          onTrouble: (error) => void troubles.push(error),
        },
      ),
      name: by,
    });
    return { actor };
  };
  return { clock, redis, start, troubles, beats, fatal };
};

const minutely = [{ task: 'a.b', cron: '* * * * *' }];

describe('the cron scheduler', () => {
  it('enqueues each tick when it is due', async () => {
    const { clock, redis, start, fatal } = makeWorld();
    start('one', minutely);
    await clock.advance(180_500);
    expect(redis.jobs).toEqual([
      { at: '00:01:00', due: '00:01:00', by: 'one' },
      { at: '00:02:00', due: '00:02:00', by: 'one' },
      { at: '00:03:00', due: '00:03:00', by: 'one' },
    ]);
    expect(fatal).toEqual([]);
  });

  it('enqueues each tick once where there are several', async () => {
    const { clock, redis, start } = makeWorld();
    for (const by of ['one', 'two', 'three']) start(by, [{ task: 'a.b', cron: '*/10 * * * * *' }]);
    await clock.advance(60_500);
    expect(redis.dues).toEqual([
      '00:00:10',
      '00:00:20',
      '00:00:30',
      '00:00:40',
      '00:00:50',
      '00:01:00',
    ]);
  });

  it('goes by the clock of Redis, whatever ours says', async () => {
    const { clock, redis, start } = makeWorld();
    redis.aheadMs = 45_000;
    start('one', minutely);
    await clock.advance(14_900);
    expect(redis.jobs).toEqual([]);
    await clock.advance(200);
    expect(redis.jobs).toEqual([{ at: '00:01:00', due: '00:01:00', by: 'one' }]);
    // Set back: what we took for due is not, and nothing comes twice.
    redis.aheadMs = -30_000;
    await clock.advance(300_000);
    expect(redis.dues).toEqual(['00:01:00', '00:02:00', '00:03:00', '00:04:00']);
  });

  it('has one late run after a long freeze, and no burst', async () => {
    const { clock, redis, start } = makeWorld();
    start('one', minutely);
    await clock.advance(60_500);
    // Time passed that our own clock did not see: the host was suspended.
    redis.aheadMs += 3_600_000;
    await clock.advance(60_000);
    expect(redis.dues).toEqual(['00:01:00', '00:02:00', '01:02:00']);
  });

  it('has nothing to do after a freeze during which another went on', async () => {
    const { clock, redis, start } = makeWorld();
    const { actor } = start('one', minutely);
    await clock.advance(60_500);
    await actor.stop();
    redis.marks.set('a.b', { dueMs: epoch + 3_600_000, id: 'of another' });
    redis.aheadMs += 3_600_000 - 61_000;
    start('two', minutely);
    await clock.advance(62_000);
    expect(redis.dues).toEqual(['00:01:00', '01:01:00']);
  });

  it('misses what was due while nobody was up, or makes up for it when told to', async () => {
    const { clock, redis, start } = makeWorld();
    const entries = [
      { task: 'a.b', name: 'misses', cron: '* * * * *' },
      { task: 'a.b', name: 'makes up', cron: '* * * * *', catchUpSeconds: 180 },
    ];
    redis.marks.set('misses', { dueMs: epoch - 600_000, id: 'x' });
    redis.marks.set('makes up', { dueMs: epoch - 600_000, id: 'y' });
    start('one', entries);
    await clock.advance(500);
    // Of the last 180 s, the oldest first; what is older is missed.
    expect(redis.dues).toEqual(['23:58:00', '23:59:00', '00:00:00']);
    redis.jobs.length = 0;
    await clock.advance(60_000);
    expect(redis.dues).toEqual(['00:01:00', '00:01:00']);
  });

  it('runs an interval at once, on its grid, and not again when another process comes', async () => {
    const { clock, redis, start } = makeWorld();
    const entries = [{ task: 'a.b', intervalSeconds: 30 }];
    const { actor } = start('one', entries);
    await clock.advance(75_000);
    expect(redis.dues).toEqual(['00:00:00', '00:00:30', '00:01:00']);
    await actor.stop();
    start('two', entries);
    await clock.advance(14_000);
    expect(redis.jobs).toHaveLength(3);
    await clock.advance(2_000);
    expect(redis.dues.at(-1)).toBe('00:01:30');
    redis.aheadMs += 600_000;
    await clock.advance(60_000);
    // One for the gap of ten minutes, and on from there.
    expect(redis.jobs.slice(4).map(({ due }) => due.slice(0, 4))).toEqual(['00:1', '00:1']);
  });

  it('waits while Redis is away, and then enqueues the tick that it waited with', async () => {
    const { clock, redis, start, troubles } = makeWorld();
    redis.isAway = true;
    start('one', minutely);
    await clock.advance(30_000);
    expect(troubles.length).toBeGreaterThan(5);
    redis.isAway = false;
    await clock.advance(25_000);
    redis.isAway = true;
    await clock.advance(40_000);
    redis.isAway = false;
    await clock.advance(3_000);
    expect(redis.jobs).toEqual([
      { at: expect.stringMatching(/^00:01:3/), due: '00:01:00', by: 'one' },
    ]);
    await clock.advance(60_000);
    expect(redis.dues).toEqual(['00:01:00', '00:02:00']);
  });

  it('asks again in the same words when a reply is lost', async () => {
    const { clock, redis, start } = makeWorld();
    redis.losesReplies = true;
    start('one', [...minutely, { task: 'a.c', intervalSeconds: 45 }]);
    await clock.advance(50);
    redis.losesReplies = false;
    await clock.advance(46_000);
    redis.losesReplies = true;
    await clock.advance(15_000);
    redis.losesReplies = false;
    await clock.advance(5_000);
    expect(redis.dues).toEqual(['00:00:00', '00:00:45', '00:01:00']);
  });

  it('tells its times with each sign of life, and soon after a tick', async () => {
    const { clock, start, beats } = makeWorld();
    start('one', minutely);
    await clock.advance(100);
    expect(beats.at(-1)).toMatchObject([
      { latest_enqueue_time: null, next_enqueue_time: '2026-07-03T00:01:00.000000Z' },
    ]);
    await clock.advance(61_500);
    expect(beats.at(-1)).toMatchObject([
      {
        latest_enqueue_time: '2026-07-03T00:01:00.000000Z',
        next_enqueue_time: '2026-07-03T00:02:00.000000Z',
      },
    ]);
    const told = beats.length;
    await clock.advance(40_000);
    expect(beats.length - told).toBe(2);
  });

  it('serves the other entries when one of them cannot be', async () => {
    const { clock, redis, start, troubles } = makeWorld();
    const tick = redis.tick.bind(redis);
    redis.tick = (by, request) => {
      if (request.name === 'broken') throw new Error('WRONGTYPE');
      return tick(by, request);
    };
    start('one', [{ task: 'a.b', name: 'broken', cron: '* * * * *' }, ...minutely]);
    await clock.advance(125_000);
    expect(redis.dues).toEqual(['00:01:00', '00:02:00']);
    // Tried again ever slower, and not in a loop.
    expect(troubles.length).toBeGreaterThan(20);
    expect(troubles.length).toBeLessThan(100);
  });
});
