import { describe, expect, it } from '@jest/globals';
import { scheduler } from '../../src/actors/scheduler.js';
import type { Look } from '../../src/redis/transitions/tick.js';
import { makeSystem } from './kernel/support/system.js';

/** A scheduler in virtual time; it looks once a second, and renews every 20. */
const makeScheduler = () => {
  const { system, clock } = makeSystem();
  const found: Look & { failing: boolean } = {
    moved: 0,
    nextDueMs: null,
    held: 1,
    faults: [],
    failing: false,
  };
  const looks: Array<{ atMs: number; renew: boolean }> = [];
  const troubles: unknown[] = [];
  system.spawn(
    scheduler({
      look: async (renew) => {
        looks.push({ atMs: clock.now(), renew });
        if (found.failing) throw new Error('no answer');
        return found;
      },
      everyMs: 1_000,
      elsewhereEveryMs: 5_000,
      renewEveryMs: 20_000,
      nowMs: () => clock.now(),
      onTrouble: (error) => void troubles.push(error),
    }),
  );
  return { found, clock, looks, troubles, times: () => looks.splice(0).map(({ atMs }) => atMs) };
};

describe('the scheduler', () => {
  it('looks at once, then every second', async () => {
    const { clock, times } = makeScheduler();
    await clock.advance(3_500);
    expect(times()).toEqual([0, 1_000, 2_000, 3_000]);
  });

  it('looks again when the next job is due, if that is sooner', async () => {
    const { found, clock, times } = makeScheduler();
    found.nextDueMs = 250;
    await clock.advance(900);
    expect(times()).toEqual([0, 250, 500, 750]);
    found.nextDueMs = 60_000;
    await clock.advance(2_200);
    expect(times()).toEqual([1_000, 2_000, 3_000]);
  });

  it('goes on at once while more are due', async () => {
    const { found, clock, looks, times } = makeScheduler();
    Object.defineProperty(found, 'nextDueMs', { get: () => (looks.length < 5 ? 0 : null) });
    await clock.advance(100);
    expect(times()).toEqual([0, 0, 0, 0, 0]);
  });

  it('renews the locks well before they run out, and at its first look', async () => {
    const { clock, looks } = makeScheduler();
    await clock.advance(61_500);
    const renewals = looks.flatMap(({ atMs, renew }) => (renew ? [atMs] : []));
    expect(renewals).toEqual([0, 20_000, 40_000, 60_000]);
  });

  it('looks seldom while all queues are another scheduler’s', async () => {
    const { found, clock, times } = makeScheduler();
    found.held = 0;
    await clock.advance(11_000);
    expect(times()).toEqual([0, 5_000, 10_000]);
  });

  it('goes on when Redis does not answer, and renews as soon as it does', async () => {
    const { found, clock, looks, troubles } = makeScheduler();
    await clock.advance(19_500);
    found.failing = true;
    await clock.advance(3_000);
    expect(troubles).toHaveLength(3);
    found.failing = false;
    looks.length = 0;
    await clock.advance(2_000);
    expect(looks.map(({ renew }) => renew)).toEqual([true, false]);
  });

  it('tells of a fault once a minute', async () => {
    const { found, clock, troubles } = makeScheduler();
    found.faults = ['Key rq:scheduled:x holds a string where a zset belongs'];
    await clock.advance(59_500);
    expect(troubles).toHaveLength(1);
    await clock.advance(1_000);
    expect(troubles).toHaveLength(2);
  });
});
