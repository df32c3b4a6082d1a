import { describe, expect, it } from '@jest/globals';
import { type JanitorHands, janitor } from '../../src/actors/janitor.js';
import type { OverdueLease } from '../../src/redis/transitions/recover.js';
import { makeSystem } from './kernel/support/system.js';

/** A janitor in virtual time that looks every 100 ms, with the Redis that the test describes. */
const makeJanitor = (queues = ['default']) => {
  const { system, clock } = makeSystem();
  const redis = {
    overdue: [] as OverdueLease[],
    inFlight: [] as Array<[id: string, enqueuedAt: string]>,
    failing: new Set<string>(),
  };
  const done: string[] = [];
  const troubles: unknown[] = [];
  const answer = async <T>(queue: string, value: T): Promise<T> => {
    if (redis.failing.has(queue)) throw new Error(`no answer for ${queue}`);
    return value;
  };
  const hands: JanitorHands = {
    look: (queues) =>
      Promise.all(
        queues.map((queue) =>
          answer(queue, {
            overdue: redis.overdue,
            inFlight: redis.inFlight.map(([id, enqueuedAt]) => ({
              id: Buffer.from(id),
              enqueuedAt,
            })),
            hasRunning: false,
            hasDeferred: false,
          }).catch((error) => error),
        ),
      ),
    recover: async (queue, overdue) => {
      for (const { member } of overdue) done.push(`recover ${queue} ${member}`);
      return overdue.map(() => 'recovered' as const);
    },
    recoverInFlight: async (queue, { id }) => {
      done.push(`in flight ${queue} ${id}`);
      return true;
    },
    dropLeaks: async () => 0,
    freeForgotten: async () => undefined,
    sweepLimits: async () => undefined,
    clean: async (queue) => {
      done.push(`clean ${queue}`);
      await answer(queue, undefined);
    },
  };
  system.spawn(
    janitor(hands, {
      queues,
      lookEveryMs: 100,
      firstCleanAfterMs: 1_000_000_000,
      cleanEveryMs: 10_000,
      unchangedForMs: 250,
      othersReturnWithinMs: 700,
      inFlightForMs: 150,
      nowMs: () => clock.now(),
      onTrouble: (error) => void troubles.push(error),
    }),
  );
  return { redis, clock, done, troubles };
};

const lease = (member: string, score: string): OverdueLease => ({
  member: Buffer.from(member),
  score,
  kind: 'worker',
});

describe('the janitor', () => {
  it('recovers a lease that it saw unchanged for long enough, not one that it saw once', async () => {
    const { redis, clock, done } = makeJanitor();
    redis.overdue = [lease('a:1', '5')];
    await clock.advance(300);
    expect(done).toEqual([]);
    await clock.advance(100);
    expect(done).toEqual(['recover default a:1']);
  });

  it('lets a lease live that moves, however far behind it is', async () => {
    const { redis, clock, done } = makeJanitor();
    for (let beat = 0; beat < 20; beat += 1) {
      redis.overdue = [lease('a:1', String(beat))];
      await clock.advance(200);
    }
    expect(done).toEqual([]);
  });

  it('begins anew when a lease was away for a look', async () => {
    const { redis, clock, done } = makeJanitor();
    redis.overdue = [lease('a:1', '5')];
    await clock.advance(200);
    redis.overdue = [];
    await clock.advance(100);
    redis.overdue = [lease('a:1', '5')];
    await clock.advance(300);
    expect(done).toEqual([]);
    await clock.advance(100);
    expect(done).toHaveLength(1);
  });

  it('believes nothing that it saw before Redis was away', async () => {
    const { redis, clock, done, troubles } = makeJanitor();
    redis.overdue = [lease('a:1', '5')];
    await clock.advance(200);
    redis.failing.add('default');
    await clock.advance(1_000);
    redis.failing.clear();
    // 700 ms in which the owner may come back as we did, then 250 in which it would have renewed its lease.
    await clock.advance(1_000);
    expect(done).toEqual([]);
    expect(troubles).toHaveLength(10);
    await clock.advance(100);
    expect(done).toEqual(['recover default a:1']);
  });

  it('looks after the other queues while one cannot be read', async () => {
    const { redis, clock, done } = makeJanitor(['broken', 'whole']);
    redis.failing.add('broken');
    redis.overdue = [lease('a:1', '5')];
    await clock.advance(400);
    expect(done).toEqual(['recover whole a:1']);
  });

  it('brings back ids that stay in flight', async () => {
    const { redis, clock, done } = makeJanitor();
    redis.inFlight = [['x', '1']];
    await clock.advance(200);
    redis.inFlight = [
      ['x', '1'],
      ['y', '1'],
    ];
    await clock.advance(100);
    expect(done).toEqual(['in flight default x']);
  });

  it('knows an id that was enqueued again from one that stays in flight', async () => {
    const { redis, clock, done } = makeJanitor();
    for (const enqueuedAt of ['1', '2', '3', '4']) {
      redis.inFlight = [['x', enqueuedAt]];
      await clock.advance(100);
    }
    expect(done).toEqual([]);
    await clock.advance(200);
    expect(done).toEqual(['in flight default x']);
  });

  it('cleans now and then, each queue for itself', async () => {
    const { redis, clock, done, troubles } = makeJanitor(['broken', 'whole']);
    redis.failing.add('broken');
    await clock.advance(10_050);
    expect(done).toEqual(['clean broken', 'clean whole']);
    expect(troubles.length).toBeGreaterThan(0);
  });
});
