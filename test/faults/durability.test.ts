import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Durability } from '../../src/actors/durability.js';
import { NotDurableError } from '../../src/actors/errors.js';
import type { WorkerEvents } from '../../src/actors/worker-events.js';
import { bootWorker } from '../../src/boot/boot-worker.js';
import { aclRules } from '../../src/redis/acl.js';
import { keys } from '../../src/redis/keys.js';
import { until } from '../support/until.js';
import { asUser } from '../support/users.js';
import { Scene } from './support/scene.js';

let scene: Scene;
afterEach(() => scene.close());

const persistent = ['--appendonly', 'yes'];

const boot = (durability: Durability, on: WorkerEvents = {}, url = scene.server.url) =>
  bootWorker({
    ...{ url, durability, on, isolation: 'inline', handleSignals: false },
    handlers: new URL('../actors/fixtures/tasks.js', import.meta.url),
  });

/** All that a worker tells while it starts, and while it runs a job. */
const toldBy = async (url?: string): Promise<string[]> => {
  const troubles: string[] = [];
  const onTrouble = (error: unknown): void => void troubles.push((error as Error).message);
  const worker = await boot('warn', { onTrouble }, url);
  const job = await scene.rq.queue('default').enqueue('tasks.add', 1, 2);
  expect(await job.result({ timeoutMs: 10_000 })).toBe(3);
  await worker.stop();
  return troubles;
};

describe('a Redis that may lose jobs', () => {
  it('F60: keeps nothing on disk: a worker says so once, with the remedy, and starts', async () => {
    scene = await Scene.open({});
    expect(await toldBy()).toEqual([
      expect.stringMatching(
        /^Redis may lose jobs: neither AOF nor snapshots: .*\(CONFIG SET appendonly yes/,
      ),
    ]);
    await scene.rq.redis.config('SET', 'save', '3600 1');
    expect(await toldBy()).toEqual([expect.stringContaining('snapshots only (3600 1)')]);
    await scene.rq.redis.config('SET', 'appendonly', 'yes');
    expect(await toldBy()).toEqual([]);
  }, 30_000);

  it('F50: may evict keys: a worker says so, with the remedy, and starts', async () => {
    scene = await Scene.open({}, persistent);
    await scene.rq.redis.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru');
    expect(await toldBy()).toEqual([
      expect.stringMatching(
        /^Redis may lose jobs: allkeys-lru, and memory has a limit: .*\(CONFIG SET maxmemory-policy noeviction/,
      ),
    ]);
  });

  it('F60: a worker to which nobody listens warns', async () => {
    scene = await Scene.open({});
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    try {
      const worker = await boot('warn');
      await until('it has said so', async () => warned.mock.calls.length > 0);
      await worker.stop();
      expect(warned.mock.calls).toEqual([
        [expect.stringMatching(/^Redis may lose jobs/), 'NotDurableError'],
      ]);
    } finally {
      warned.mockRestore();
    }
  });

  it.each([
    ['F60: keeps nothing on disk', [], 'neither AOF nor snapshots'],
    ['F50: may evict keys', [...persistent, '--maxmemory-policy', 'volatile-ttl'], 'volatile-ttl'],
  ])(
    '%s: a worker that must be sure refuses to start, and claims nothing',
    async (_, args, why) => {
      scene = await Scene.open({}, args);
      const [job] = await scene.enqueue(1);
      // One that may read the settings.
      const url = asUser(scene.server.url, 'harness');
      const victim = scene.victim({ url, isolation: 'inline', durability: 'require' });
      const failed = await victim.said('failed');
      expect([failed.name, failed.message]).toEqual([
        'NotDurableError',
        expect.stringContaining(why),
      ]);
      expect(await victim.end()).toBe(1);
      expect(await scene.rq.redis.exists(keys.workers)).toBe(0);
      expect(await scene.rq.queue('default').ids()).toEqual([job?.id]);
    },
  );

  it('its settings may not be read: said once, and it starts; one that must be sure does not', async () => {
    scene = await Scene.open({});
    const rights = ['on', '>pw', ...aclRules('worker')];
    await scene.rq.redis.call('ACL', 'SETUSER', 'worker', ...rights);
    const url = scene.server.url.replace('//', '//worker:pw@');
    expect(await toldBy(url)).toEqual([expect.stringContaining('CONFIG may not be read')]);
    await expect(boot('require', {}, url)).rejects.toThrow(NotDurableError);
    await scene.rq.redis.config('SET', 'appendonly', 'yes');
    expect(await toldBy(url)).toEqual([]);
  });
});

describe('Redis is killed, and comes back', () => {
  it.each([
    ['nothing is kept', ['--save', ''], 3_000],
    ['snapshots: what came after the last is gone', ['--save', '3600 1000000'], 1_000],
    ['AOF, each second: all is there', [...persistent, '--appendfsync', 'everysec'], 0],
    ['AOF, always: all is there', [...persistent, '--appendfsync', 'always'], 0],
  ])('%s', async (_, args, lost) => {
    scene = await Scene.open({}, args);
    const jobs = await scene.enqueue(2_000);
    if (args.includes('3600 1000000')) await scene.rq.redis.save();
    jobs.push(...(await scene.enqueue(1_000)));
    await scene.server.restart();
    const there = await scene.rq.fetchMany(jobs.map(({ id }) => id));
    expect(there.filter((job) => job === null).length).toBe(lost);
  });
});
