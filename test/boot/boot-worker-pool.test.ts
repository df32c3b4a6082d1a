import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { neededVariables } from '../../src/actors/executor/child-environment.js';
import {
  bootWorkerPool,
  type PoolOptions,
  type RunningPool,
} from '../../src/boot/boot-worker-pool.js';
import { keys } from '../../src/redis/keys.js';
import { Rq } from '../../src/streams/rq.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { fixture } from './support/worker-process.js';

let redis: FreshRedis;
let rq: Rq;
const pools: RunningPool[] = [];
beforeAll(async () => {
  redis = await freshRedis();
  rq = new Rq({ url: redis.url });
});
afterEach(async () => {
  await Promise.allSettled(pools.splice(0).flatMap((pool) => [pool.stop(), pool.stop()]));
  await redis.client.flushdb();
});
afterAll(async () => {
  await rq.close();
  await redis.close();
});

const boot = async (options: Partial<PoolOptions> = {}): Promise<RunningPool> => {
  const pool = await bootWorkerPool({
    url: redis.url,
    handlers: fixture('plain.js'),
    isolation: 'inline',
    workers: 2,
    handleSignals: false,
    ...options,
  });
  pools.push(pool);
  return pool;
};
const registered = () => redis.client.smembers(keys.workers);

describe('bootWorkerPool', () => {
  it('runs jobs in several processes, and stops them all', async () => {
    const names: string[] = [];
    const pool = await boot({ on: { onUp: (_, name) => void names.push(name) } });
    expect(new Set(names).size).toBe(2);
    expect(await registered()).toHaveLength(2);
    expect(new Set(pool.pids).size).toBe(2);
    const job = await rq.queue().enqueue('plain.add', 1, 2);
    expect(await job.result({ timeoutMs: 10_000 })).toBe(3);
    expect(await pool.stop()).toMatchObject({ finished: 1, failed: 0, left: [] });
    expect(pool.pids).toEqual([]);
    expect(await registered()).toEqual([]);
  });

  it('refuses what is no option of a pool, and tells what is', async () => {
    const misspelled = boot({ worker: 4 } as Partial<PoolOptions>);
    await expect(misspelled).rejects.toThrow(/worker: it is none of workers, mostDeaths, /);
    // Two workers may not have one name.
    const named = boot({ name: 'one' } as Partial<PoolOptions>);
    await expect(named).rejects.toThrow(/option name: it is none of /);
    expect(await registered()).toEqual([]);
  });

  it('gives its workers what children may inherit and where webhooks may go', async () => {
    const troubles: string[] = [];
    await boot({
      handlers: fixture('environment.js'),
      isolation: 'pool',
      workers: 1,
      env: { FROM_US: 'x' },
      // Of jest; its own environment has a dozen others.
      inheritEnv: ['NODE_ENV'],
      webhooks: ['receiver.example'],
      durability: 'ignore',
      on: { onTrouble: (_, message) => void troubles.push(message) },
    });
    const webhooks = [{ url: 'http://127.0.0.1:1/x', on: 'finished' as const }];
    const job = await rq.queue().enqueueWith({ webhooks }, 'environment.names');
    const names = (await job.result({ timeoutMs: 10_000 })) as string[];
    expect(names).toEqual(expect.arrayContaining(['FROM_US', 'NODE_ENV', 'PATH']));
    const more = ['FROM_US', 'NODE_ENV', ...neededVariables];
    expect(names.filter((name) => !more.includes(name))).toEqual([]);
    await until('the webhook was told', () => troubles.length > 0);
    expect(troubles).toEqual([expect.stringMatching(/does not allow this host$/)]);
  });

  it('gives its workers the commands that they obey', async () => {
    const names: string[] = [];
    const troubles: string[] = [];
    const pool = await boot({
      workers: 1,
      commands: 'none',
      durability: 'ignore',
      on: {
        onUp: (_, name) => void names.push(name),
        onTrouble: (_, message) => void troubles.push(message),
      },
    });
    const before = pool.pids;
    const told = rq.worker(names[0] as string).shutdown();
    await expect(told).rejects.toThrow(/refused shutdown: its option commands does not allow it/);
    await until('it was told', () => troubles.length > 0);
    expect(troubles).toEqual([
      "The command shutdown was refused: the worker's option commands does not allow it",
    ]);
    expect(pool.pids).toEqual(before);
  });

  it('starts anew what dies', async () => {
    const exits: Array<string | null> = [];
    const pool = await boot({ on: { onExit: (_, __, signal) => void exits.push(signal) } });
    const [victim] = pool.pids;
    process.kill(victim as number, 'SIGKILL');
    await until(
      'it is replaced',
      () => pool.pids.length === 2 && !pool.pids.includes(victim as number),
    );
    expect(exits).toEqual(['SIGKILL']);
    await until('the new one is registered', async () => (await registered()).length === 3);
    const job = await rq.queue().enqueue('plain.add', 2, 2);
    expect(await job.result({ timeoutMs: 10_000 })).toBe(4);
  });

  it('gives up when they die too often, and leaves nobody behind', async () => {
    const pool = await boot({ mostDeaths: 1 });
    const [first] = pool.pids;
    process.kill(first as number, 'SIGKILL');
    const second = await until('it is replaced', () => {
      const { pids } = pool;
      return pids.length === 2 && !pids.includes(first as number) && pids;
    });
    for (const pid of second) process.kill(pid, 'SIGKILL');
    await expect(pool.done).rejects.toThrow(
      /The pool gave up: .*worker-\d needed more than 1 restarts/,
    );
    expect(pool.pids).toEqual([]);
  });

  it('ends in a burst when all queues are empty, and starts nobody anew', async () => {
    await rq.queue().enqueueMany([1, 2, 3].map((n) => ({ name: 'plain.add', args: [n, n] })));
    const pool = await boot({ burst: true });
    expect(await pool.done).toMatchObject({ finished: 3, left: [] });
    expect(await rq.queue().length()).toBe(0);
  });

  it('fails at once when a worker does not come up', async () => {
    await expect(boot({ handlers: '/nowhere.js' })).rejects.toThrow(/nowhere/);
    await expect(boot({ workers: 0 })).rejects.toThrow(/workers: it must be a whole number/);
    await expect(boot({ concurrency: 0 })).rejects.toThrow(/concurrency/);
    expect(await registered()).toEqual([]);
  });
});
