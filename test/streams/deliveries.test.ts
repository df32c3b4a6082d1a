import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { firstValueFrom, Subscription, take, toArray } from 'rxjs';
import { keys } from '../../src/redis/keys.js';
import { commandText } from '../../src/redis/worker-command.js';
import { awaitAnswer } from '../../src/streams/await-answer.js';
import type { Delivery } from '../../src/streams/delivery.js';
import { AlreadySettledError } from '../../src/streams/delivery.js';
import { Rq } from '../../src/streams/rq.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { misplaced, placesOf } from './support/places.js';

let redis: FreshRedis;
let rq: Rq;
const troubles: unknown[] = [];

beforeAll(async () => {
  redis = await freshRedis();
});
afterAll(() => redis.close());
beforeEach(async () => {
  await redis.client.flushdb();
  troubles.length = 0;
  rq = new Rq({
    url: redis.url,
    wire: { narrowLeaseMs: 800 },
    onTrouble: (error) => troubles.push(error),
  });
});
afterEach(async () => {
  await rq.close();
  expect(troubles).toEqual([]);
});

const fill = async (queue: string, count: number): Promise<string[]> => {
  const specs = Array.from({ length: count }, (_, n) => ({ name: 'count', args: [n] }));
  return (await rq.queue(queue).enqueueMany(specs)).map(({ id }) => id);
};

describe('deliveries$', () => {
  it('delivers in the order of the queue', async () => {
    await fill('q', 100);
    const seen: unknown[] = [];
    const subscription = rq
      .queue('q')
      .deliveries$({ concurrency: 7 })
      .subscribe((delivery) => {
        seen.push(delivery.call().args[0]);
        void delivery.finish();
      });
    await until('all came', () => seen.length === 100);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n));
    subscription.unsubscribe();
  });

  it('takes from the first queue as long as it has jobs', async () => {
    await fill('low', 5);
    await fill('high', 5);
    const seen: string[] = [];
    rq.deliveries$(['high', 'low']).subscribe(async (delivery) => {
      seen.push(delivery.queue);
      // A job that comes for the first queue meanwhile goes before all of the second.
      if (seen.length === 7) await fill('high', 2);
      await delivery.finish();
    });
    await until('all came', () => seen.length === 12);
    expect(seen).toEqual([
      ...Array(5).fill('high'),
      ...Array(2).fill('low'),
      ...Array(2).fill('high'),
      ...Array(3).fill('low'),
    ]);
  });

  it('never has more unsettled than was asked for', async () => {
    await fill('q', 300);
    let unsettled = 0;
    let most = 0;
    let done = 0;
    rq.queue('q')
      .deliveries$({ concurrency: 13 })
      .subscribe(async (delivery) => {
        unsettled += 1;
        most = Math.max(most, unsettled);
        const held = (await placesOf(redis.client, 'q')).get('wip')?.length ?? 0;
        most = Math.max(most, held);
        unsettled -= 1;
        await delivery.finish();
        done += 1;
      });
    await until('all done', () => done === 300);
    expect(most).toBeLessThanOrEqual(13);
  });

  it('finds jobs that come later, at once', async () => {
    const seen: Delivery[] = [];
    rq.queue('q')
      .deliveries$({ concurrency: 2 })
      .subscribe((delivery) => seen.push(delivery));
    for (let n = 1; n <= 2; n++) {
      await fill('q', 1);
      await until('it came', () => seen.length === n, { deadlineMs: 2_000 });
    }
    // No demand is left: what comes now waits in Redis.
    await fill('q', 1);
    await until('nothing is parked', async () => {
      const places = await placesOf(redis.client, 'q');
      return places.get('intermediate')?.length === 0 && places.get('queue')?.length === 1;
    });
    expect(seen).toHaveLength(2);
    await seen[0]?.finish();
    await until('the third came', () => seen.length === 3, { deadlineMs: 2_000 });
  });

  it('waits for no queue while it has no room', async () => {
    const { pathname } = new URL(redis.url);
    const waiting = async (): Promise<number> => {
      const clients = String(await redis.client.client('LIST')).split('\n');
      const here = clients.filter((line) => line.includes(` db=${pathname.slice(1)} `));
      return here.filter((line) => line.includes(' flags=b ')).length;
    };
    const seen: Delivery[] = [];
    rq.deliveries$(['first', 'second']).subscribe((delivery) => seen.push(delivery));
    await until('it waits for both', async () => (await waiting()) === 2);
    await fill('first', 1);
    await until('it came', () => seen.length === 1);
    // A pop on the other queue would take an id from whoever has room for it, for up to its block time.
    await until('it waits no more', async () => (await waiting()) === 0, { deadlineMs: 2_000 });
    await seen[0]?.finish();
    await until('it waits again', async () => (await waiting()) === 2);
  });

  it('leaves nothing behind after take(1)', async () => {
    const ids = await fill('q', 20);
    const one = await firstValueFrom(rq.queue('q').deliveries$({ concurrency: 10 }).pipe(take(1)));
    expect(await one.finish('done')).toBe('finished');
    await until('the rest is back', async () => (await rq.queue('q').length()) === 19);
    expect(await rq.queue('q').ids()).toEqual(ids.slice(1));
    expect(await misplaced(redis.client, 'q', ids)).toEqual([]);
    await until('its lease is given back', async () => {
      return (await redis.client.zcard(keys.leases('q'))) === 0;
    });
  });

  it('hands back what is not settled in time after the unsubscribe', async () => {
    const ids = await fill('q', 3);
    const seen: Delivery[] = [];
    const options = { concurrency: 2, settleWithinMs: 30 };
    const subscription = rq
      .queue('q')
      .deliveries$(options)
      .subscribe((d) => seen.push(d));
    await until('two came', () => seen.length === 2);
    subscription.unsubscribe();
    await until('both are back', async () => (await rq.queue('q').length()) === 3);
    expect((await rq.queue('q').ids()).sort()).toEqual([...ids].sort());
    await expect(seen[0]?.finish()).rejects.toThrow(AlreadySettledError);
    expect((await rq.fetch(ids[0] as string)).record.attempt).toBe(1);
  });

  it('completes and hands back when its Rq is closed', async () => {
    await fill('q', 2);
    const other = new Rq({ url: redis.url });
    let isComplete = false;
    const seen: Delivery[] = [];
    other
      .queue('q')
      .deliveries$()
      .subscribe({
        next: (delivery) => seen.push(delivery),
        complete: () => {
          isComplete = true;
        },
      });
    await until('one came', () => seen.length === 1);
    await other.close();
    expect(isComplete).toBe(true);
    expect(await rq.queue('q').length()).toBe(2);
  });

  it('settles: finish with a result, fail with retries, hand back to the head', async () => {
    const queue = rq.queue('q');
    const job = await queue.enqueueWith({ retry: { max: 1 } }, 'f');
    await queue.enqueue('g');
    const delivery$ = queue.deliveries$().pipe(take(1));
    const first = await firstValueFrom(delivery$);
    expect(first.attempt).toBe(1);
    expect(await first.handBack()).toBe('handedBack');
    const second = await firstValueFrom(delivery$);
    expect(second.jobId).toBe(job.id);
    expect(await second.fail(new Error('once'))).toBe('retried');
    expect(await (await firstValueFrom(delivery$)).finish()).toBe('finished'); // g
    const third = await firstValueFrom(delivery$);
    expect(third.jobId).toBe(job.id);
    expect(await third.fail(new Error('twice'))).toBe('quarantined');
    await expect(job.result({ timeoutMs: 1_000 })).rejects.toThrow(/twice/);
    await job.requeue();
    const fourth = await firstValueFrom(delivery$);
    expect(await fourth.finish({ at: 'last' })).toBe('finished');
    expect(await job.result({ timeoutMs: 1_000 })).toEqual({ at: 'last' });
  });

  it('says what a result that cannot be written lacks, and stays to be settled', async () => {
    await fill('q', 1);
    const delivery = await firstValueFrom(rq.queue('q').deliveries$().pipe(take(1)));
    await expect(delivery.finish({ f: () => 1 })).rejects.toThrow(/result\.f/);
    expect(delivery.isSettled).toBe(false);
    expect(await delivery.fail(new Error('so it failed'))).toBe('quarantined');
  });

  it.each([
    ['canceled', 'canceled'],
    ['deleted', 'gone'],
  ] as const)('aborts the signal of a job that is %s, and says so', async (how, verdict) => {
    const job = await rq.queue('q').enqueue('f');
    const delivery = await firstValueFrom(rq.queue('q').deliveries$().pipe(take(1)));
    const aborted = new Promise((resolve) => delivery.signal.addEventListener('abort', resolve));
    if (how === 'canceled') await job.cancel();
    else await job.delete();
    await aborted;
    expect(String(delivery.signal.reason)).toContain(how);
    expect(await delivery.finish('too late')).toBe(verdict);
    const kept = await redis.client.exists(keys.job(job.id));
    expect(kept).toBe(how === 'canceled' ? 1 : 0);
  });

  it('keeps the lease of a job for as long as it is unsettled', async () => {
    const [id] = await fill('q', 1);
    const delivery = await firstValueFrom(rq.queue('q').deliveries$().pipe(take(1)));
    await until(
      'a heartbeat was written',
      async () =>
        (await redis.client.exists(keys.execution(id as string, delivery.execution))) === 1,
    );
    expect(await delivery.finish()).toBe('finished');
    expect(await redis.client.exists(keys.execution(id as string, delivery.execution))).toBe(0);
  });

  it('hears that a job is stopped: its signal is aborted, and it is stopped once it is settled', async () => {
    const [id] = await fill('q', 1);
    const job = rq.queue('q').job(id as string);
    const seen: string[] = [];
    const subscription = rq
      .queue('q')
      .deliveries$()
      .subscribe((delivery) => {
        delivery.signal.addEventListener('abort', () => {
          seen.push(String(delivery.signal.reason));
          void delivery.fail(delivery.signal.reason).then((verdict) => seen.push(verdict));
        });
      });
    await until('it runs', async () => (await job.fetch()).status === 'started');
    await job.stop({ timeoutMs: 5_000 });
    expect((await job.fetch()).excInfo).toBe('Job stopped by user, work-horse terminated.');
    await until('it was told', () => seen.length === 2);
    expect(seen).toEqual([`Error: Job ${id} was stopped`, 'stopped']);
    expect(await rq.failedQueue.ids()).toEqual([id]);
    subscription.unsubscribe();
  });

  it('hears that its execution is stopped, and not that another one is', async () => {
    const [id] = (await fill('q', 1)) as [string];
    const job = rq.queue('q').job(id);
    const held: Delivery[] = [];
    const subscription = rq
      .queue('q')
      .deliveries$()
      .subscribe((delivery) => held.push(delivery));
    await until('it came', () => held.length === 1);
    const [delivery] = held as [Delivery];
    const name = (await job.fetch()).workerName ?? '';
    const stop = async (jobId: string, execution: string) => {
      const command = randomUUID();
      const text = commandText({ command: 'stop-execution', jobId, execution }, command);
      // Channels know no databases, and a consumer's name is like no other.
      await redis.client.publish(keys.commandsTo(name), text);
      return awaitAnswer(redis.client, command, 5_000);
    };
    const refused = { ok: false, reason: 'it does not hold this job' };
    expect(await stop(id, 'f'.repeat(32))).toEqual(refused);
    expect(await stop('another', delivery.execution)).toEqual(refused);
    expect(delivery.signal.aborted).toBe(false);
    expect(await stop(id, delivery.execution)).toEqual({ ok: true });
    expect(String(delivery.signal.reason)).toBe(`Error: Job ${id} was stopped`);
    expect(await delivery.fail(new Error('told to end'))).toBe('stopped');
    expect((await job.fetch()).status).toBe('stopped');
    subscription.unsubscribe();
  });

  it('hears at once that a job is canceled, and answers whoever commands it', async () => {
    const [id] = await fill('q', 1);
    const job = rq.queue('q').job(id as string);
    const subscription = rq.queue('q').deliveries$();
    const delivery$ = subscription.pipe(take(1));
    const held: Delivery[] = [];
    const consuming = delivery$.subscribe((delivery) => held.push(delivery));
    await until('it came', () => held.length === 1);
    const name = (await job.fetch()).workerName ?? '';
    const consumer = rq.worker(name);
    expect(await consumer.ping({ timeoutMs: 5_000 })).toMatchObject({
      state: 'busy',
      jobs: [{ jobId: id, queue: 'q' }],
    });
    await expect(consumer.shutdown({ timeoutMs: 5_000 })).rejects.toThrow('it is a consumer');
    expect(await rq.workers()).toEqual([]);
    await job.cancel();
    await until('it heard', () => held[0]?.signal.aborted);
    expect(await held[0]?.finish()).toBe('canceled');
    consuming.unsubscribe();
    await until(
      'nothing is left of it',
      async () => !(await redis.client.exists(keys.worker(name))),
    );
  });

  it('lets a job finish that was stopped too late', async () => {
    const [id] = await fill('q', 1);
    const job = rq.queue('q').job(id as string);
    const held: Delivery[] = [];
    rq.queue('q')
      .deliveries$()
      .subscribe((delivery) => held.push(delivery));
    await until('it came', () => held.length === 1);
    // It may say so before we ask.
    const refused = job.stop({ timeoutMs: 5_000 }).catch(String);
    await until('it heard', () => held[0]?.signal.aborted);
    expect(await held[0]?.finish(1)).toBe('finished');
    expect(await refused).toContain('it is finished meanwhile');
  });

  it('refuses options and queues that make no sense', () => {
    expect(() => rq.queue('q').deliveries$({ concurrency: 0 })).toThrow(/concurrency/);
    expect(() => rq.queue('q').deliveries$({ concurrency: 1.5 })).toThrow(/concurrency/);
    expect(() => rq.queue('q').deliveries$({ settleWithinMs: -1 })).toThrow(/settleWithinMs/);
    expect(() => rq.deliveries$([])).toThrow(/at least one/);
    expect(() => rq.deliveries$(['q', 'failed'])).toThrow(/FailedQueue/);
    expect(() => rq.failedQueue.deliveries$()).toThrow(/requeue/);
  });

  it('strands nothing, whoever leaves whenever (property)', async () => {
    const consumer = fc.record({
      concurrency: fc.integer({ min: 1, max: 20 }),
      leaveAfter: fc.integer({ min: 0, max: 25 }),
      settles: fc.constantFrom('at once', 'a turn later', 'never', 'by turns'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(consumer, { minLength: 1, maxLength: 6 }), async (consumers) => {
        await redis.client.flushdb();
        const ids = await fill('q', 60);
        const left = await Promise.all(
          consumers.map(({ concurrency, leaveAfter, settles }, index) => {
            const subscription = new Subscription();
            let seen = 0;
            return new Promise<void>((resolve) => {
              const leave = (): void => {
                subscription.unsubscribe();
                resolve();
              };
              if (leaveAfter === 0) setImmediate(leave);
              const delivery$ = rq.queue('q').deliveries$({ concurrency, settleWithinMs: 20 });
              subscription.add(
                delivery$.subscribe((delivery) => {
                  seen += 1;
                  const isWilling =
                    settles === 'by turns' ? (seen + index) % 2 === 0 : settles !== 'never';
                  if (settles === 'a turn later')
                    setImmediate(() => void delivery.finish().catch(() => undefined));
                  else if (isWilling) void delivery.finish();
                  if (seen === leaveAfter) leave();
                }),
              );
              // Whoever never settles starves before it has seen enough.
              setTimeout(leave, 150);
            });
          }),
        );
        expect(left).toHaveLength(consumers.length);
        await until('every id is in one place', async () => {
          const { length } = (await placesOf(redis.client, 'q')).get('wip') as string[];
          const parked = await redis.client.llen(keys.intermediate('q'));
          return length === 0 && parked === 0 && (await redis.client.zcard(keys.leases('q'))) === 0;
        });
        expect(await misplaced(redis.client, 'q', ids)).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  it('emits all of what it claimed in one answer, and no more after the last was taken', async () => {
    await fill('q', 6);
    const taken = firstValueFrom(
      rq.queue('q').deliveries$({ concurrency: 6 }).pipe(take(3), toArray()),
    );
    expect((await taken).map((delivery) => delivery.call().args[0])).toEqual([0, 1, 2]);
    await until('the rest is back', async () => (await rq.queue('q').length()) === 3);
    for (const delivery of await taken) expect(await delivery.finish()).toBe('finished');
  });
});
