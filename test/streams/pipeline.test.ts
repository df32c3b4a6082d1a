import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { concatMap, delay, filter, firstValueFrom, from, map, type Observable, of } from 'rxjs';
import { InvalidNameError, InvalidOptionError } from '../../src/redis/errors.js';
import { keys } from '../../src/redis/keys.js';
import { UnserializableError } from '../../src/redis/payload/index.js';
import { ResultLostError } from '../../src/streams/errors.js';
import type { PipelineOptions } from '../../src/streams/queue.js';
import type { Result, ResultEvent } from '../../src/streams/results.js';
import { Rq } from '../../src/streams/rq.js';
import { defineTasks } from '../../src/tasks.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { until } from '../support/until.js';

let redis: FreshRedis;
let rq: Rq;

beforeAll(async () => {
  redis = await freshRedis();
});
afterAll(() => redis.close());
beforeEach(async () => {
  await redis.client.flushdb();
  rq = new Rq({ url: redis.url });
});
afterEach(() => rq.close());

/** Jobs of queue `a` that have finished, each with its number as the result. */
const finish = async (count: number, options = {}): Promise<string[]> => {
  const specs = Array.from({ length: count }, (_, n) => ({ name: 'f', args: [n], options }));
  const jobs = await rq.queue('a').enqueueMany(specs);
  let done = 0;
  const subscription = rq
    .queue('a')
    .deliveries$({ concurrency: 1 })
    .subscribe(async (delivery) => {
      await delivery.finish(delivery.call().args[0]);
      done += 1;
    });
  await until('all have finished', () => done === count);
  subscription.unsubscribe();
  return jobs.map(({ id }) => id);
};
const argsOfB = async () => (await rq.queue('b').jobs(0, 5_000)).map(({ call }) => call?.args);
const cursor = async (name = 'p') =>
  (await redis.client.get(keys.cursor(`${name}:a`)))?.split(' ')[0];
/** Hosts the pipeline `p` from `a` to `b`; what it emits and errs with can be read. */
const host = (options: Partial<PipelineOptions<unknown, unknown[]>> = {}, own = rq) => {
  const state = { ids: [] as string[], error: undefined as unknown };
  const pipe$ = own.queue('a').pipeline({ name: 'p', to: own.queue('b'), call: 'g', ...options });
  const subscription = pipe$.subscribe({
    next: ({ id }) => state.ids.push(id),
    error: (error) => {
      state.error = error;
    },
  });
  return Object.assign(state, { stop: () => subscription.unsubscribe() });
};
const isNumber = (holds: (n: number) => boolean) => (result$: Observable<Result>) =>
  result$.pipe(
    filter(({ value }) => holds(value as number)),
    map(({ value }) => [value] as unknown[]),
  );

describe('pipeline', () => {
  it('makes a job of each result, with the result as its argument', async () => {
    await finish(5);
    const pipe = host();
    await until('all were passed on', () => pipe.ids.length === 5);
    expect(await argsOfB()).toEqual([[0], [1], [2], [3], [4]]);
    expect(await rq.queue('b').ids()).toEqual(pipe.ids);
    await finish(2);
    await until('it goes on', () => pipe.ids.length === 7);
  });

  it('goes on where it was, also when another process goes on', async () => {
    await finish(3);
    const pipe = host();
    await until('all were passed on', () => pipe.ids.length === 3);
    pipe.stop();
    await finish(2);
    const other = new Rq({ url: redis.url });
    const again = host({}, other);
    await until('the rest was passed on', () => again.ids.length === 2);
    expect(await argsOfB()).toEqual([[0], [1], [2], [0], [1]]);
    await other.close();
  });

  it('passes each input on once, though three host it, and however long ago its job is gone', async () => {
    const others = [1, 2].map(() => new Rq({ url: redis.url }));
    const pipes = [rq, ...others].map((own) => host({ options: { resultTtlSeconds: 0 } }, own));
    // Worked off and forgotten at once: no id in Redis could tell that a job was made before.
    const worked: unknown[] = [];
    rq.queue('b')
      .deliveries$({ concurrency: 50 })
      .subscribe((delivery) => {
        worked.push(delivery.call().args[0]);
        void delivery.finish();
      });
    await finish(400);
    await until('all were worked off', () => worked.length >= 400);
    expect(pipes.reduce((sum, { ids }) => sum + ids.length, 0)).toBe(400);
    expect(new Set(worked).size).toBe(400);
    expect(worked).toHaveLength(400);
    expect(pipes.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
    await Promise.all(others.map((other) => other.close()));
  });

  it('makes jobs that wait for others, or for a slot, or for their time', async () => {
    const setUp = await rq.queue('b').enqueue('setUp');
    await finish(2);
    const rateLimit = { key: 'k', concurrency: 1 };
    const pipes = [
      host({ name: 'after', options: { dependsOn: setUp } }),
      host({ name: 'limited', options: { rateLimit } }),
      host({ name: 'later', options: { dependsOn: setUp, in: '1h' } }),
    ];
    await until('all were passed on', () => pipes.every(({ ids }) => ids.length === 2));
    const statuses = pipes.map(async ({ ids }) =>
      (await rq.fetchMany(ids)).map((record) => record?.status),
    );
    expect(await Promise.all(statuses)).toEqual([
      ['deferred', 'deferred'],
      ['queued', 'rate_limited'],
      ['scheduled', 'scheduled'],
    ]);
  });

  it('loses no input whose job Redis refuses', async () => {
    await finish(1);
    await redis.client.set(keys.group('g'), 'text');
    const troubles: unknown[] = [];
    const own = new Rq({ url: redis.url, onTrouble: (error) => troubles.push(error) });
    const pipe = host({ options: { groupId: 'g' } }, own);
    await until('it was told', () => troubles.length > 0);
    expect(String(troubles[0])).toContain('The key of the group of a job holds no set');
    expect(pipe.ids).toEqual([]);
    await redis.client.del(keys.group('g'));
    await until('it was passed on', () => pipe.ids.length === 1);
    expect(await argsOfB()).toEqual([[0]]);
    await own.close();
  });

  it('drops what is filtered out, and moves past it', async () => {
    await finish(10);
    const pipe = host({ through: isNumber((n) => n % 4 === 0) });
    await until('all were passed on', () => pipe.ids.length === 3);
    expect(await argsOfB()).toEqual([[0], [4], [8]]);
    pipe.stop();
    const last = await cursor();
    expect(last).toMatch(/^\d+-\d+/);
    const none = host({ name: 'none', through: isNumber(() => false) });
    await until('it moved past all', async () => (await cursor('none')) === last);
    expect(none.ids).toEqual([]);
  });

  it('makes several jobs of one result, as many as come, at whatever pace', async () => {
    await finish(2);
    const pipe = host({
      through: concatMap(({ value }: Result) =>
        from([1, 2, 3]).pipe(
          map((n) => [value, n]),
          delay(5),
        ),
      ),
    });
    await until('all were passed on', () => pipe.ids.length === 6);
    expect(await argsOfB()).toEqual([
      [0, 1],
      [0, 2],
      [0, 3],
      [1, 1],
      [1, 2],
      [1, 3],
    ]);
    const flood = host({
      name: 'flood',
      through: concatMap(() => from(Array.from({ length: 1_200 }, (_, n) => [n]))),
    });
    await until('the flood was passed on', () => flood.ids.length === 2_400);
    expect(await rq.queue('b').length()).toBe(2_406);
  });

  it('begins with what comes, where that is wanted, and keeps that begin', async () => {
    await finish(2);
    const pipe = host({ from: 'now' });
    await until('its place is fixed', () => cursor());
    pipe.stop();
    await finish(1);
    const again = host({ from: 'now' });
    await until('what came meanwhile was passed on', () => again.ids.length === 1);
    expect(await argsOfB()).toEqual([[0]]);
  });

  it('gives the jobs their options', async () => {
    await finish(1);
    const pipe = host({ options: { timeoutSeconds: 7, meta: { by: 'p' } } });
    await until('it was passed on', () => pipe.ids.length === 1);
    const [job] = await rq.queue('b').jobs();
    expect(job).toMatchObject({ timeoutSeconds: 7, meta: { by: 'p' } });
  });

  it('keeps its place before a result on which it throws', async () => {
    await finish(5);
    const throwAtThree = map(({ value }: Result) => {
      if (value === 3) throw new Error('three');
      return [value];
    });
    const pipe = host({ through: throwAtThree });
    await until('it ended', () => pipe.error);
    expect(pipe.error).toMatchObject({ message: 'three' });
    expect(await argsOfB()).toEqual([[0], [1], [2]]);
    const mended = host();
    await until('the rest was passed on', () => mended.ids.length === 2);
    expect(await argsOfB()).toEqual([[0], [1], [2], [3], [4]]);
  });

  it('leaves out what onError takes upon itself', async () => {
    await finish(4);
    const told: Array<[string, unknown]> = [];
    const unwritable = map(({ value }: Result) => [value === 2 ? Symbol('two') : value]);
    const onError = async (error: unknown, { value }: Result) => {
      told.push([(error as Error).name, value]);
    };
    const pipe = host({ through: unwritable, onError });
    await until('the rest was passed on', () => pipe.ids.length === 3);
    expect(told).toEqual([[UnserializableError.name, 2]]);
    const strict = host({
      name: 'strict',
      through: map(() => 'no array' as never),
      onError: (error) => {
        throw error;
      },
    });
    await until('it ended', () => strict.error);
    expect(String(strict.error)).toMatch(/arrays of arguments/);
  });

  it('stops before a result that is gone, unless it is told to go on', async () => {
    await finish(1);
    const [gone] = (await finish(1, { resultTtlSeconds: 0 })) as [string];
    await finish(1);
    const pipe = host();
    await until('it ended', () => pipe.error);
    expect(pipe.error).toBeInstanceOf(ResultLostError);
    expect(pipe.error).toMatchObject({ loss: { kind: 'missing', jobId: gone, why: 'expired' } });
    expect(await rq.queue('b').length()).toBe(1);
    const losses: ResultEvent[] = [];
    const again = host({ onLost: (loss) => void losses.push(loss) });
    await until('the rest was passed on', () => again.ids.length === 1);
    expect(losses).toMatchObject([{ kind: 'missing', jobId: gone }]);
  });

  it('stops before a gap in the log, unless it is told to go on', async () => {
    await finish(1);
    const pipe = host();
    await until('it was passed on', () => pipe.ids.length === 1);
    pipe.stop();
    await finish(3);
    await redis.client.xtrim(keys.events('a'), 'MAXLEN', 1);
    const stopped = host();
    await until('it ended', () => stopped.error);
    expect(stopped.error).toMatchObject({ loss: { kind: 'gap', queue: 'a' } });
    const losses: ResultEvent[] = [];
    const again = host({ onLost: (loss) => void losses.push(loss) });
    await until('the rest was passed on', () => again.ids.length === 1);
    expect(losses).toMatchObject([{ kind: 'gap' }]);
  });

  it('moves its place with a log in which nothing finishes', async () => {
    await finish(1);
    const pipe = host();
    await until('it was passed on', () => pipe.ids.length === 1);
    const before = await cursor();
    await until('its place moved', async () => {
      await rq.queue('a').enqueue('waits');
      return (await cursor()) !== before;
    });
    expect(pipe.ids).toHaveLength(1);
  });

  it('refuses what makes no sense, before it begins', async () => {
    const [a, b] = [rq.queue('a'), rq.queue('b')];
    const other = new Rq({ url: redis.url });
    const base = { name: 'p', to: b, call: 'g' };
    const refused: Array<[object, unknown]> = [
      [{ ...base, name: '' }, InvalidNameError],
      [{ ...base, name: 'a b' }, InvalidNameError],
      [{ ...base, to: other.queue('b') }, InvalidOptionError],
      [{ ...base, options: { jobId: 'x' } }, InvalidOptionError],
      [{ ...base, options: { timeoutSeconds: 0 } }, InvalidOptionError],
      [{ ...base, onerror: () => undefined }, InvalidOptionError],
      [{ ...base, from: 'tomorrow' }, RangeError],
    ];
    for (const [options, error] of refused) {
      expect(() => a.pipeline(options as never)).toThrow(error as never);
    }
    await other.close();
    expect(await redis.client.dbsize()).toBe(0);
  });

  it('checks the arguments of a task when it is compiled', async () => {
    const tasks = defineTasks('pages', {
      parse: (url: string, depth: number) => `${url}:${depth}`,
    });
    await finish(1);
    const pipe$ = rq.queue('a').pipeline({
      name: 'typed',
      to: rq.queue('b'),
      call: tasks.parse,
      through: (result$: Observable<Result<number>>) =>
        result$.pipe(
          filter(({ value }) => value >= 0),
          map(({ value }) => [`page ${value}`, value] as const),
        ),
    });
    const wrong = () =>
      rq.queue('a').pipeline({
        name: 'typed',
        to: rq.queue('b'),
        call: tasks.parse,
        // @ts-expect-error a number where the task takes a text
        through: map(({ value }: Result<number>) => [value, value]),
      });
    expect(wrong).not.toThrow();
    const { call } = await (await firstValueFrom(pipe$)).fetch();
    expect(call).toMatchObject({ functionName: 'pages.parse', args: ['page 0', 0] });
  });

  it('asks each result alone, so that nothing hangs on its neighbours', async () => {
    await finish(3);
    const seen: unknown[] = [];
    const through = (result$: Observable<Result>) => {
      let count = 0;
      return result$.pipe(
        concatMap((result) => {
          seen.push(++count);
          return of([result.value]);
        }),
      );
    };
    const pipe = host({ through });
    await until('all were passed on', () => pipe.ids.length === 3);
    expect(seen).toEqual([1, 1, 1]);
  });
});
