import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { keys } from '../../src/redis/keys.js';
import { until } from '../support/until.js';
import { Island } from './support/island.js';
import { Scene } from './support/scene.js';
import type { Victim } from './support/victim.js';
import { isWhole } from './support/whole.js';

const probe = Island.make();
probe?.remove();
if (!probe) console.warn('NOT RUN: network namespaces need Linux, root and iproute2.');

let island: Island;
let scene: Scene;

beforeEach(async () => {
  if (!probe) return;
  island = Island.make() as Island;
  const open = ['--bind', '127.0.0.1', island.ours, '--protected-mode', 'no'];
  scene = await Scene.open({ narrowLeaseMs: 3_000 }, open);
});
afterEach(async () => {
  await scene?.close();
  island?.remove();
});

/** On the island, up, and waiting in its pop. */
const faraway = async (): Promise<Victim> => {
  const url = `redis://${island.ours}:${scene.server.port}`;
  const victim = await scene.worker({ url, within: island.command, concurrency: 1 });
  const [job] = await scene.enqueue(1);
  expect(await job?.result({ timeoutMs: 15_000 })).toBe(1);
  await until('it waits', async () =>
    String(await scene.rq.redis.client('LIST')).includes('cmd=blmove'),
  );
  return victim;
};

/** Whether Redis has given up every connection of the island. */
const isForgotten = async (): Promise<boolean> =>
  !String(await scene.rq.redis.client('LIST')).includes(`laddr=${island.ours}:`);

(probe ? describe : describe.skip)('a worker behind a cable', () => {
  it('F65: that is cut and mended: what was sent into the void runs, once', async () => {
    const victim = await faraway();
    const [running] = await scene.enqueue(1, 'handlers.sleep', 1_000, 'slept');
    await scene.begun(2);
    island.cut();
    const during = await scene.enqueue(10);
    await until('its lease has run out', async () => {
      const expired = [keys.leases('default'), '-inf', Date.now()] as const;
      return (await scene.rq.redis.zcount(...expired)) === 1;
    });
    // Longer than a connection that answers nothing is believed in.
    if (isWhole) await delay(60_000);
    island.heal();
    await scene.drained(['default'], 40_000);
    const ids = [running, ...during].map((job) => job?.id ?? '');
    expect(await scene.outcome(ids)).toMatchObject({ lost: 0, twice: 0, foreign: 1 });
    victim.signal('SIGTERM');
    expect(await victim.end()).toBe(0);
    expect(await scene.findings()).toEqual([]);
  }, 150_000);

  it('F66: that is cut, and it dies: its ghost swallows one id at most, which is found', async () => {
    const ghost = await faraway();
    island.cut();
    await ghost.kill();
    const jobs = await scene.enqueue(5);
    expect(await scene.rq.redis.llen(keys.intermediate('default'))).toBeLessThanOrEqual(1);
    expect(await isForgotten()).toBe(false);
    await scene.worker({ isolation: 'inline' });
    for (const job of jobs) expect(await job.result({ timeoutMs: 30_000 })).toBe(1);
    expect(await scene.outcome(jobs.map(({ id }) => id))).toMatchObject({ lost: 0, twice: 0 });
    expect(await scene.findings()).toEqual([]);
  }, 60_000);
});
