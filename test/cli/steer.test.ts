import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { bootWorker, Rq, type RunningWorker } from '../../src/index.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { endAll, Rxrq, rxrq } from './support/rxrq.js';

let redis: FreshRedis;
let url: string;
let rq: Rq;
const workers: RunningWorker[] = [];
beforeAll(async () => {
  redis = await freshRedis();
  url = redis.url;
  rq = new Rq({ url });
});
beforeEach(() => redis.client.flushdb());
afterEach(async () => {
  await endAll();
  await Promise.all(workers.splice(0).map((worker) => worker.stop({ graceMs: 0 })));
});
afterAll(async () => {
  await rq.close();
  await redis.close();
});

const boot = async (): Promise<RunningWorker> => {
  const worker = await bootWorker({
    url,
    // Channels know no databases.
    name: `steered-${randomUUID()}`,
    isolation: 'inline',
    handlers: new URL('../interop/fixtures/nodejobs.js', import.meta.url),
    handleSignals: false,
  });
  workers.push(worker);
  return worker;
};

describe('rxrq stop', () => {
  it('stops a running job, and says of the others why not', async () => {
    await boot();
    const running = await rq.queue().enqueue('nodejobs.hang', 60_000);
    const waiting = await rq.queue('other').enqueue('nodejobs.add', 1);
    await until('it runs', async () => (await running.fetch()).status === 'started');
    const { code, stdout, stderr } = await rxrq(url, 'stop', running.id, waiting.id, 'nobody');
    expect({ code, stdout }).toEqual({ code: 1, stdout: `${running.id} stopped\n` });
    expect(stderr).toContain('it is queued and does not run');
    expect(stderr).toContain('No job "nobody" in Redis');
    expect((await running.fetch()).status).toBe('stopped');
  });
});

describe('rxrq shutdown, kill-horse and ping', () => {
  it('ask, kill and stop a worker', async () => {
    const worker = await boot();
    const job = await rq.queue().enqueue('nodejobs.hang', 60_000);
    await until('it runs', async () => (await job.fetch()).status === 'started');
    const ping = await rxrq(url, 'ping', '--all', '--json');
    expect(JSON.parse(ping.stdout)).toMatchObject({
      worker: worker.name,
      state: 'busy',
      jobs: [{ jobId: job.id, queue: 'default' }],
    });
    expect(await rxrq(url, 'kill-horse', worker.name)).toMatchObject({
      code: 0,
      stdout: `${worker.name} kills what it runs\n`,
    });
    await expect(job.result({ timeoutMs: 5_000 })).rejects.toThrow(/signal 9/);
    expect(await rxrq(url, 'shutdown', '--all')).toMatchObject({ code: 2 });
    expect(await rxrq(url, 'shutdown', '--all', '--yes')).toMatchObject({
      code: 0,
      stdout: `${worker.name} is shutting down\n`,
    });
    await worker.done;
    const again = await rxrq(url, 'shutdown', worker.name, '--json');
    expect(again.code).toBe(1);
    expect(JSON.parse(again.stdout)).toMatchObject({
      worker: worker.name,
      error: expect.stringContaining('is alive'),
    });
    expect(await rxrq(url, 'ping')).toMatchObject({ code: 2 });
  });
});

describe('rxrq suspend, resume, pause and unpause', () => {
  it('suspend all workers, and keep new ones from starting', async () => {
    const suspended = await rxrq(url, 'suspend', '--duration', '60');
    expect(suspended).toMatchObject({ code: 0 });
    expect(suspended.stdout).toContain('suspended for 60 s');
    expect(await redis.client.ttl('rq:suspended')).toBeGreaterThan(55);
    const handlers = new URL('../interop/fixtures/nodejobs.js', import.meta.url).pathname;
    const refused = await rxrq(url, 'worker', '--import', handlers);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('all workers are suspended; rxrq resume ends that');
    expect(JSON.parse((await rxrq(url, 'resume', '--json')).stdout)).toEqual({
      suspended: false,
      was: true,
    });
    expect((await rxrq(url, 'resume')).stdout).toContain('were not suspended');
    expect(await rxrq(url, 'suspend', '--duration', '0')).toMatchObject({ code: 2 });
  });

  it('pause queues by name', async () => {
    expect((await rxrq(url, 'pause', 'a', 'b', 'a')).stdout.split('\n')).toHaveLength(3);
    expect(await rq.queue('a').isPaused()).toBe(true);
    const over = await rxrq(url, 'unpause', 'a', 'c', '--json');
    expect(
      over.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { queue: 'a', paused: false, was: true },
      { queue: 'c', paused: false, was: false },
    ]);
    expect(await rxrq(url, 'pause', 'a,b')).toMatchObject({ code: 2 });
  });
});

describe('rxrq worker', () => {
  it('takes turns, writes its pid, is quiet and leaves when idle', async () => {
    const handlers = new URL('../interop/fixtures/nodejobs.js', import.meta.url).pathname;
    const home = mkdtempSync(join(tmpdir(), 'rxrq-home-'));
    await rq.queue('a').enqueue('nodejobs.add', 1);
    const run = new Rxrq(
      [
        ...['worker', 'a', 'b', '--import', handlers, '--isolation', 'inline', '--quiet', '--json'],
        ...['--max-idle-time', '0.5', '--weight', 'b=3', '--pid=~/pid', '--durability', 'ignore'],
      ],
      { RQ_REDIS_URL: url, HOME: home },
    );
    expect(await run.code).toBe(0);
    const events = run.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toEqual(['up', 'stopped']);
    expect(events.at(-1)).toMatchObject({ finished: 1 });
    expect(Number(readFileSync(join(home, 'pid'), 'utf8'))).toBe(run.child.pid);
    rmSync(home, { recursive: true });
  });

  it('asks its queues as the stronger place says, where a weaker one says it in another way', async () => {
    const handlers = new URL('../interop/fixtures/nodejobs.js', import.meta.url).pathname;
    const work = async (flags: string[], env: Record<string, string>) => {
      const args = ['worker', 'a', '--import', handlers, '--isolation', 'inline', '--burst'];
      const run = new Rxrq([...args, ...flags], { RQ_REDIS_URL: url, ...env });
      return [await run.code, run.stderr];
    };
    // Weights of a queue that it does not serve are refused, when they are heard.
    expect(await work(['--dequeue-strategy', 'random'], { RXRQ_WEIGHT: 'c=3' })).toEqual([0, '']);
    expect(await work(['--weight', 'c=3'], { RXRQ_DEQUEUE_STRATEGY: 'random' })).toEqual([
      2,
      expect.stringContaining("c is none of the worker's queues"),
    ]);
  });

  it.each([
    [['--weight', 'c=3'], "c is none of the worker's queues"],
    [['--weight', 'a=1', '--dequeue-strategy', 'random'], 'exclude each other'],
    [['--weight', 'a=0'], 'such as high=5'],
    [['--pid', '/nowhere/at/all'], '--pid'],
  ])('refuses %j', async (options, message) => {
    const handlers = new URL('../interop/fixtures/nodejobs.js', import.meta.url).pathname;
    const { code, stderr } = await rxrq(url, 'worker', 'a', '--import', handlers, ...options);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe('rxrq worker-pool', () => {
  it('runs jobs in several workers, and stops them all at a signal', async () => {
    const handlers = new URL('../interop/fixtures/nodejobs.js', import.meta.url).pathname;
    const args = ['worker-pool', 'a', '--import', handlers, '--isolation', 'inline', '-n', '2'];
    const pool = new Rxrq([...args, '--json'], { RQ_REDIS_URL: url });
    await until('both are up', () => pool.stdout.split('"event":"up"').length === 3);
    const job = await rq.queue('a').enqueue('nodejobs.add', 1, 2);
    expect(await job.result({ timeoutMs: 10_000 })).toBe(3);
    pool.kill('SIGTERM');
    expect(await pool.code).toBe(0);
    expect(pool.objects().at(-1)).toMatchObject({ event: 'stopped', finished: 1, left: [] });
    expect(await redis.client.scard('rq:workers')).toBe(0);
  });

  it('refuses handlers that are not there', async () => {
    const { code, stderr } = await rxrq(url, 'worker-pool', '--import', 'nowhere.js');
    expect(code).toBe(2);
    expect(stderr).toContain('there is no such file');
  });
});
