import { describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { parseCursor } from '../../src/redis/lifecycle-event.js';
import { requeue } from '../../src/redis/transitions/requeue.js';
import { freshWire } from './support/fresh-wire.js';
import { back, fail, finish, newJob, settlement, type Wire } from './support/wire.js';

let wire: Wire;
freshWire(
  (fresh) => {
    wire = fresh;
  },
  { eventLogLength: 1_000 },
);

describe('the event log', () => {
  it('tells what one exchange did in the order in which it happened', async () => {
    await wire.enqueue('a', newJob('b', { fields: ['retries_left', 1] }), 'c', 'd', 'e');
    const worker = wire.worker();
    const [a, b, c, d] = await worker.claim(4);
    const [held] = await worker.hold(1);
    if (!a || !b || !c || !d || !held) throw new Error('too few');
    await worker.send(
      worker.request({
        begun: [{ job: held, beganAtMs: 0 }],
        settlements: [
          settlement(a, finish()),
          settlement(b, fail()),
          settlement(c, fail()),
          settlement(d, back),
        ],
        toStart: 2,
      }),
    );
    const last =
      (await wire.redis.xrevrange(keys.events('default'), '+', '-', 'COUNT', 1))[0]?.[0] ?? '';
    const told = (await wire.events()).filter(({ cursor }) => cursor.startsWith(`${last}.`));
    expect(told.map(({ kind, jobId }) => `${kind} ${jobId}`)).toEqual([
      'started e',
      'finished a',
      'failed b',
      'failed c',
      'retried b',
      'quarantined c',
      'handedBack d',
      'started d',
      'started b',
    ]);
    expect(new Set(told.map(({ worker: who }) => who))).toEqual(new Set([worker.name]));
    expect(told.map(({ cursor }) => parseCursor(cursor)?.seen)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
    expect(Math.abs((told[0]?.at ?? 0) - (await wire.nowSeconds()) * 1_000)).toBeLessThan(2_000);
  });

  it('gives each event a cursor of its own, in order', async () => {
    await wire.enqueue(...Array.from({ length: 250 }, (_, n) => `job-${n}`));
    const cursors = (await wire.events()).map(({ cursor }) => cursor);
    expect(new Set(cursors).size).toBe(250);
    // No entry holds more than a hundred, so that the log's length bounds its size.
    expect(await wire.redis.xlen(keys.events('default'))).toBe(3);
  });

  it('tells each queue its own', async () => {
    await wire.enqueueOn('high', 'h');
    await wire.enqueueOn('low', 'l');
    await wire.worker('high', 'low').claim(2);
    expect(await wire.story('h', 'high')).toBe('enqueued started');
    expect(await wire.story('l', 'low')).toBe('enqueued started');
    expect(await wire.story('l', 'high')).toBe('');
  });

  it('holds one event for each change, no more, in a long life', async () => {
    await wire.enqueue(newJob('a', { fields: ['retries_left', 1] }));
    for (let life = 0; life < 2; life++) {
      const worker = wire.worker();
      await worker.settle(await worker.claimOne(), back);
      await worker.settle(await worker.claimOne(), fail());
    }
    await requeue(wire.redis, ['a'], false, wire.settings);
    const worker = wire.worker();
    const [held] = await worker.hold(1);
    if (held) await worker.settle(held, finish(), { beganAtMs: 0 });
    expect(await wire.story('a')).toBe(
      'enqueued started handedBack started failed retried started handedBack started failed quarantined requeued started finished',
    );
  });

  it('is bounded', async () => {
    const worker = wire.worker();
    for (let round = 0; round < 300; round++) {
      const ids = Array.from({ length: 20 }, (_, n) => `job-${round}-${n}`);
      await wire.enqueue(...ids);
      const settlements = (await worker.claim(20)).map((job) => settlement(job, finish()));
      await worker.send(worker.request({ settlements }));
    }
    // 18,000 events; three times the length at most, and what a node of the stream may hold beyond it.
    expect((await wire.events()).length).toBeLessThan(3_000 + 20 * 200);
    expect(await wire.redis.xlen(keys.events('default'))).toBeLessThanOrEqual(1_100);
  });
});
