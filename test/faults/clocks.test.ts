import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { until } from '../support/until.js';
import { MovedClock } from './support/moved-clock.js';
import { Scene } from './support/scene.js';

const hourMs = 3_600_000;
const clock = MovedClock.make();
if (!clock) process.stderr.write('SKIPPED, THERE IS NO C COMPILER: F71, F72, F73\n');
const moved = clock ? it : it.skip;
let scene: Scene;

beforeEach(() => clock?.moveTo(0));
afterEach(() => scene.close());
afterAll(() => clock?.remove());

const redisMs = async (): Promise<number> => Number((await scene.rq.redis.time())[0]) * 1_000;
const redisWithClock = (...args: string[]) =>
  Scene.open({ narrowLeaseMs: 2_000 }, args, clock?.wrap('redis-server'));

describe('the clock of a worker', () => {
  moved.each([-600_000, 600_000])('F71: is %i ms off, and that has no effect', async (offsetMs) => {
    scene = await Scene.open({ narrowLeaseMs: 2_000 });
    clock?.moveTo(offsetMs);
    const off = await scene.worker({ isolation: 'pool', env: clock?.env ?? {}, name: 'off' });
    const long = await scene.enqueue(1, 'handlers.wallClock', 5_000);
    await scene.begun(1);
    // Another one, whose clock is right, looks for leases that ran out.
    await scene.worker({ isolation: 'inline', queues: ['default', 'other'] });
    const late = await scene.rq.queue('default').enqueueIn('2s', 'handlers.note');
    const soon = await scene.rq.queue('default').enqueueIn('1h', 'handlers.note');
    expect(await late.result({ timeoutMs: 15_000 })).toBe(1);
    const said = Number(await long[0]?.result({ timeoutMs: 20_000 }));
    // The clock was really moved.
    expect(Math.abs(said - Date.now() - offsetMs)).toBeLessThan(60_000);
    expect((await soon.fetch()).status).toBe('scheduled');
    expect(await scene.story(long[0]?.id ?? '')).toBe('enqueued started finished');
    off.signal('SIGTERM');
    expect(await off.end()).toBe(0);
    await soon.delete();
    expect(await scene.findings()).toEqual([]);
  });
});

describe('the clock of Redis', () => {
  moved(
    'F72: jumps an hour ahead: nobody loses a running job',
    async () => {
      scene = await redisWithClock();
      await scene.worker({ isolation: 'pool', concurrency: 2 });
      await scene.worker({ isolation: 'inline' });
      const long = await scene.enqueue(3, 'handlers.sleep', 6_000, 'slept');
      await scene.begun(3);
      const beforeMs = await redisMs();
      clock?.moveTo(hourMs);
      await until('it has jumped', async () => (await redisMs()) - beforeMs >= hourMs - 1_000);
      const fresh = await scene.enqueue(5);
      for (const job of fresh) expect(await job.result({ timeoutMs: 20_000 })).toBe(1);
      for (const job of long) expect(await job.result({ timeoutMs: 20_000 })).toBe('slept');
      const ids = [...long, ...fresh].map(({ id }) => id);
      expect(await scene.outcome(ids)).toEqual({ lost: 0, twice: 0, foreign: 0, recovered: 0 });
    },
    60_000,
  );

  moved(
    'F73: jumps an hour back: workers go on, and what is scheduled stays',
    async () => {
      scene = await redisWithClock();
      const victim = await scene.worker({ isolation: 'pool', concurrency: 2 });
      const scheduled = await scene.rq.queue('default').enqueueIn('3s', 'handlers.note');
      const [long] = await scene.enqueue(1, 'handlers.sleep', 4_000, 'slept');
      await scene.begun(1);
      const beforeMs = await redisMs();
      clock?.moveTo(-hourMs);
      await until('it has jumped', async () => beforeMs - (await redisMs()) >= hourMs - 60_000);
      // An idle worker waits in a call whose end Redis now thinks to be an hour away.
      await delay(1_000);
      const fresh = await scene.enqueue(5);
      for (const job of fresh) expect(await job.result({ timeoutMs: 20_000 })).toBe(1);
      expect(await long?.result({ timeoutMs: 20_000 })).toBe('slept');
      // An hour late at most, which is when the clock is right again.
      expect((await scheduled.fetch()).status).toBe('scheduled');
      clock?.moveTo(0);
      expect(await scheduled.result({ timeoutMs: 20_000 })).toBe(1);
      victim.signal('SIGTERM');
      expect(await victim.end()).toBe(0);
      expect(await scene.rq.redis.zcard(keys.wip('default'))).toBe(0);
      expect((await scene.events()).filter(({ kind }) => kind === 'recovered')).toEqual([]);
    },
    60_000,
  );
});
