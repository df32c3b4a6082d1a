import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { bootWorker } from '../../src/boot/boot-worker.js';
import { keys } from '../../src/redis/keys.js';
import { until } from '../support/until.js';
import { Scene } from './support/scene.js';
import { fixture, type Victim } from './support/victim.js';
import { isWhole } from './support/whole.js';

let scene: Scene;

afterEach(() => scene.close());

describe('a fleet of workers', () => {
  it('F19: thirty that start at once start each job once, with a bounded number of commands', async () => {
    scene = await Scene.open({});
    process.env.LEDGER = scene.ledgerPath;
    const { redis } = scene.rq;
    const boot = () =>
      bootWorker({
        url: scene.server.url,
        handlers: fixture('handlers.mjs'),
        isolation: 'inline',
        concurrency: 1,
        handleSignals: false,
      });
    const workers = await Promise.all(Array.from({ length: 30 }, boot));
    await redis.config('RESETSTAT');
    const jobs = await scene.enqueue(1_000);
    await scene.drained(['default'], 60_000);
    const commands = await redis.info('commandstats');
    const calls = [...commands.matchAll(/^cmdstat_([^:|]+):calls=(\d+)/gm)];
    // What a client sends: what scripts do inside is theirs.
    const sent = ['evalsha', 'eval', 'blmove', 'ping', 'info', 'client'];
    const count = calls.reduce(
      (sum, [, name, n]) => sum + (sent.includes(name ?? '') ? Number(n) : 0),
      0,
    );
    expect(count / jobs.length).toBeLessThan(12);
    expect(await scene.outcome(jobs.map(({ id }) => id))).toEqual({
      ...{ lost: 0, twice: 0, foreign: 0, recovered: 0 },
    });
    expect(scene.ledger()).toHaveLength(1_000);
    await Promise.all(workers.map((worker) => worker.stop()));
    expect(await scene.findings()).toEqual([]);
  }, 90_000);

  it('F20: replaced one after the other under load, lets no job fail and none be recovered', async () => {
    scene = await Scene.open({ narrowLeaseMs: 3_000, eventLogLength: 1_000_000 });
    const start = (n: number): Promise<Victim> =>
      scene.worker({ isolation: n % 2 === 0 ? 'inline' : 'pool', concurrency: 2 });
    const fleet = await Promise.all([0, 1, 2].map(start));
    const ids: string[] = [];
    let isOver = false;
    const producing = (async () => {
      while (!isOver) {
        ids.push(...(await scene.enqueue(5, 'handlers.sleep', 20)).map(({ id }) => id));
        await delay(60);
      }
    })();
    for (let round = 0; round < (isWhole ? 30 : 4); round += 1) {
      const next = await start(round + 1);
      const old = fleet.shift() as Victim;
      fleet.push(next);
      old.signal('SIGTERM');
      expect(await old.end()).toBe(0);
    }
    isOver = true;
    await producing;
    await scene.drained(['default']);
    // The reason first: whatever did not finish is counted as lost.
    const failures = (await scene.events()).filter(
      ({ kind }) => kind === 'failed' || kind === 'quarantined',
    );
    expect(failures).toEqual([]);
    expect(await scene.outcome(ids)).toEqual({ lost: 0, twice: 0, foreign: 0, recovered: 0 });
    expect(await scene.findings()).toEqual([]);
  }, 180_000);

  it('F92: scaled to nothing and up again, runs what the last ones held, and what came meanwhile', async () => {
    scene = await Scene.open({ narrowLeaseMs: 1_500 });
    const last = await scene.worker({ isolation: 'pool', concurrency: 2 });
    const held = await scene.enqueue(2, 'handlers.longAtFirst', 60_000);
    await scene.begun(2);
    await last.kill();
    const meanwhile = await scene.enqueue(20);
    await delay(isWhole ? 60_000 : 4_000);
    await scene.worker({ isolation: 'inline' });
    for (const job of held) expect(await job.result({ timeoutMs: 15_000 })).toBe('attempt 2');
    for (const job of meanwhile) expect(await job.result({ timeoutMs: 15_000 })).toBe(1);
    expect(await scene.findings()).toEqual([]);
  }, 120_000);

  it('F18: never takes a process for the worker whose process id it has', async () => {
    scene = await Scene.open({ narrowLeaseMs: 1_500 });
    const { redis } = scene.rq;
    const [job] = await scene.enqueue(1);
    const id = job?.id ?? '';
    // A worker of the last boot of this host, whose process id is now somebody else's.
    const stranger = spawn('sleep', ['60']);
    const execution = 'e'.repeat(32);
    const dead = { birth: 'long ago', pid: stranger.pid ?? 0, state: 'busy' };
    await redis
      .multi()
      .lpop(keys.queue('default'))
      .hset(keys.job(id), 'status', 'started', 'x_attempt', 1, 'worker_name', 'dead')
      .zadd(keys.wip('default'), 1, `${id}:${execution}`)
      .hset(keys.worker('dead'), dead)
      .exec();
    const worker = await scene.worker({ isolation: 'inline' });
    expect(String((await worker.said('ready')).name)).toMatch(/-[a-z0-9]{4,6}$/);
    await until('the job has run', async () => (await scene.status(id)) === 'finished', {
      deadlineMs: 20_000,
    });
    expect({ code: stranger.exitCode, signal: stranger.signalCode }).toEqual({
      ...{ code: null, signal: null },
    });
    stranger.kill('SIGKILL');
    await once(stranger, 'close');
  });
});
