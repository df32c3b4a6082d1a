import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { config, firstValueFrom, lastValueFrom, type Observable, take, toArray } from 'rxjs';
import { keys } from '../../src/redis/keys.js';
import { compareIds, type LogEvent } from '../../src/streams/log-page.js';
import { ofKind } from '../../src/streams/of-kind.js';
import { Rq } from '../../src/streams/rq.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';

let server: Awaited<ReturnType<typeof startPrivateRedis>>;
let redis: Redis;
let rq: Rq;
/** Another process, as far as Redis can tell. */
let other: Rq;

beforeAll(async () => {
  server = await startPrivateRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  redis = new Redis(server.url);
  redis.on('error', () => undefined);
  await redis.flushall();
  rq = new Rq({ url: server.url });
  other = new Rq({ url: server.url });
});
afterEach(async () => {
  await Promise.all([rq.close(), other.close()]);
  redis.disconnect();
});

const fill = (queue: string, count: number, via = other) =>
  via.queue(queue).enqueueMany(Array.from({ length: count }, () => ({ name: 'f' })));
/** In a log of its own entry each. */
const fillSingly = async (queue: string, count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await fill(queue, 1);
};
const first = <T>(event$: Observable<T>, count: number): Promise<T[]> =>
  lastValueFrom(event$.pipe(take(count), toArray()));
const blockedClients = async (): Promise<number> =>
  Number(/blocked_clients:(\d+)/.exec(await redis.info('clients'))?.[1]);
const placeOf = (cursor: string): [string, number] => {
  const [id = '', n] = cursor.split('.');
  return [id, Number(n)];
};

describe('events$', () => {
  it('is one reader, however many subscribe', async () => {
    const seen: LogEvent[][] = [[], [], []];
    const subscriptions = seen.map((events) =>
      rq.queue('q').events$.subscribe((event) => events.push(event)),
    );
    await fill('q', 3, rq);
    await until('all saw all', () => seen.every((events) => events.length === 3));
    expect(seen[1]).toEqual(seen[0]);
    expect(await blockedClients()).toBe(1);
    subscriptions.forEach((subscription) => {
      subscription.unsubscribe();
    });
    await until('the reader is gone with the last', async () => (await blockedClients()) === 0);
  });

  it('tells all that the same Rq does after the subscription', async () => {
    for (let n = 0; n < 30; n++) {
      const queue = rq.queue(`q${n}`);
      const seen: LogEvent[] = [];
      const subscription = queue.events$.subscribe((event) => seen.push(event));
      const job = await queue.enqueue('f');
      await until('it was told', () => seen.length === 1);
      expect(seen[0]?.kind === 'enqueued' && seen[0].jobId).toBe(job.id);
      subscription.unsubscribe();
    }
  });

  it('misses nothing after ready(), however late it is subscribed to', async () => {
    await fill('q', 5);
    const event$ = await rq.events(['q', 'new'], 'now').ready();
    await fill('q', 2);
    await fill('new', 1);
    const queues = (await first(event$, 3)).map(({ queue }) => queue);
    expect(queues.sort()).toEqual(['new', 'q', 'q']);
  });

  it('goes on after any cursor, also one within an entry', async () => {
    await fill('q', 250);
    const all = await first(rq.queue('q').events('start'), 250);
    for (const at of [0, 7, 99, 100, 248]) {
      const { cursor } = all[at] as LogEvent & { cursor: string };
      const rest = await first(rq.queue('q').events(cursor), 249 - at);
      expect(rest).toEqual(all.slice(at + 1));
    }
  });

  it('lets a late subscriber catch up while others listen', async () => {
    const live: LogEvent[] = [];
    rq.queue('q')
      .events('now')
      .subscribe((event) => live.push(event));
    await fill('q', 1, rq);
    await until('it listens', () => live.length === 1);
    const late: LogEvent[] = [];
    for (let n = 0; n < 20; n++) {
      await fill('q', 50);
      if (n === 10)
        rq.queue('q')
          .events('start')
          .subscribe((event) => late.push(event));
    }
    await until('both have all', () => live.length === 1_001 && late.length === 1_001);
    expect(late).toEqual(live);
  });

  it('refuses what is no cursor, at once', () => {
    const queue = rq.queue('q');
    for (const cursor of ['', 'yesterday', '1-2.', '99999999999999999999-1', '1-1.x']) {
      expect(() => queue.events(cursor)).toThrow(RangeError);
    }
    expect(() => rq.events(['a', 'b'], '1-1')).toThrow(/one queue/);
    expect(() => rq.failedQueue.events('1-1')).toThrow(RangeError);
  });

  it('is not disturbed by a subscriber that throws', async () => {
    const thrown: unknown[] = [];
    config.onUnhandledError = (error) => thrown.push(error);
    try {
      const seen: LogEvent[] = [];
      rq.queue('q').events$.subscribe(() => {
        throw new Error('mine');
      });
      rq.queue('q').events$.subscribe((event) => seen.push(event));
      await fill('q', 2, rq);
      await until('the other saw all', () => seen.length === 2);
      await until('it was told', () => thrown.length === 2);
    } finally {
      config.onUnhandledError = null;
    }
  });

  it('tells every event in order while 20,000 jobs drain', async () => {
    const counts = new Map<string, number>();
    let last = '0-0.0';
    let disorder = 0;
    rq.queue('q')
      .events('now')
      .subscribe((event) => {
        counts.set(event.kind, (counts.get(event.kind) ?? 0) + 1);
        if (event.kind === 'gap') return;
        const [id, n] = placeOf(event.cursor);
        const [lastId, lastN] = placeOf(last);
        if (compareIds(id, lastId) < 0 || (id === lastId && n <= lastN)) disorder += 1;
        last = event.cursor;
      });
    await fill('q', 20_000, rq);
    other
      .queue('q')
      .deliveries$({ concurrency: 500 })
      .subscribe((delivery) => delivery.finish());
    await until('all were told', () => counts.get('finished') === 20_000, { deadlineMs: 15_000 });
    expect(Object.fromEntries(counts)).toEqual({
      enqueued: 20_000,
      started: 20_000,
      finished: 20_000,
    });
    expect(disorder).toBe(0);
  });
});

describe('a gap in the log', () => {
  it('is told when the log was trimmed past the cursor', async () => {
    await fillSingly('q', 5);
    const all = (await first(rq.queue('q').events('start'), 5)) as Array<
      LogEvent & { cursor: string }
    >;
    const [second, , fourth] = all.slice(1);
    await redis.xtrim(keys.events('q'), 'MAXLEN', 2);
    const after = placeOf(second?.cursor ?? '')[0];
    const [gap, ...rest] = await first(rq.queue('q').events(second?.cursor ?? ''), 3);
    expect(gap).toEqual({
      kind: 'gap',
      queue: 'q',
      after,
      before: placeOf(fourth?.cursor ?? '')[0],
    });
    expect(rest).toEqual(all.slice(3));
  });

  it('is not told for a cursor that is still there', async () => {
    await fillSingly('q', 4);
    const all = (await first(rq.queue('q').events('start'), 4)) as Array<
      LogEvent & { cursor: string }
    >;
    await redis.xtrim(keys.events('q'), 'MAXLEN', 2);
    const [next] = await first(rq.queue('q').events(all[2]?.cursor ?? ''), 1);
    expect(next).toEqual(all[3]);
  });

  it('swallows no event of the entry after it', async () => {
    await fill('q', 50);
    const all = (await first(rq.queue('q').events('start'), 50)) as Array<
      LogEvent & { cursor: string }
    >;
    await fill('q', 50);
    await redis.xtrim(keys.events('q'), 'MAXLEN', 1);
    const rest = await first(rq.queue('q').events(all[30]?.cursor ?? ''), 51);
    expect(rest.map(({ kind }) => kind)).toEqual(['gap', ...Array(50).fill('enqueued')]);
  });

  it('is told when Redis lost the whole log', async () => {
    const seen: LogEvent[] = [];
    rq.queue('q').events$.subscribe((event) => seen.push(event));
    await fill('q', 1, rq);
    await until('it listens', () => seen.length === 1);
    await server.restart(); // It keeps nothing.
    await until('it works again', () => fill('q', 1).catch(() => false));
    await until('both were told', () => seen.length === 3);
    expect(seen.map(({ kind }) => kind)).toEqual(['enqueued', 'gap', 'enqueued']);
  });
});

describe('a restart of Redis', () => {
  it('costs no event when Redis keeps its data, and repeats none', async () => {
    const durable = await startPrivateRedis({
      args: ['--appendonly', 'yes', '--appendfsync', 'always'],
    });
    const [reader, writer] = [new Rq({ url: durable.url }), new Rq({ url: durable.url })];
    const seen: string[] = [];
    const event$ = await reader.queue('q').events('now').ready();
    event$.subscribe((event) => seen.push(event.kind === 'gap' ? 'gap' : event.jobId));
    const ids: string[] = [];
    for (let n = 0; n < 30; n++) {
      ids.push((await writer.queue('q').enqueue('f')).id);
      if (n % 10 === 5) await durable.restart();
    }
    await until('all were told', () => seen.length >= ids.length);
    expect(seen).toEqual(ids);
    await Promise.all([reader.close(), writer.close()]);
    await durable.stop();
  });

  it('is waited for by whoever subscribes meanwhile', async () => {
    await fill('q', 2);
    await server.kill();
    const seen: LogEvent[] = [];
    rq.queue('q').events$.subscribe((event) => seen.push(event));
    rq.queue('q')
      .events('start')
      .subscribe((event) => seen.push(event));
    await server.restart();
    await until('both listen', async () => {
      await fill('q', 1).catch(() => undefined);
      return seen.length >= 4;
    });
  });
});

describe('eventsOfAll', () => {
  it('tells of every queue, and of those that come to be later from their first event', async () => {
    await fill('old', 1);
    const event$ = await rq.eventsOfAll('now').ready();
    const seen: LogEvent[] = [];
    event$.subscribe((event) => seen.push(event));
    await fill('old', 1);
    await fill('new', 2);
    await until('all were told', () => seen.length === 3);
    expect(seen.map(({ queue }) => queue).sort()).toEqual(['new', 'new', 'old']);
    expect((await first(rq.eventsOfAll('start'), 4)).length).toBe(4);
  });

  it('brings what is of the FailedQueue there', async () => {
    const quarantined$ = (await rq.failedQueue.events('now').ready()).pipe(ofKind('quarantined'));
    const told = firstValueFrom(quarantined$);
    const job = await rq.queue('q').enqueue('f');
    await rq.failedQueue.quarantine(job.id, 'not today');
    expect(await told).toMatchObject({ queue: 'q', jobId: job.id, reason: 'not today' });
  });
});
