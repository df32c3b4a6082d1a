import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { endWithUs } from '../../scripts/guard.mjs';
import { keys } from '../../src/redis/keys.js';
import { Rq } from '../../src/streams/rq.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { until } from '../support/until.js';

const fixture = fileURLToPath(new URL('./fixtures/pipeline-host.js', import.meta.url));
const items = 1_000;
const kills = 5;

let redis: FreshRedis;

beforeAll(async () => {
  redis = await freshRedis();
});
afterAll(() => redis.close());

const startHost = (): ChildProcess => {
  const child = spawn(process.execPath, [fixture, redis.url], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const release = endWithUs(child.pid as number);
  child.once('exit', release);
  return child;
};

describe('a pipeline whose host is killed', () => {
  it(`makes one job of the third queue of each of ${items} inputs, through ${kills} kills`, async () => {
    const rq = new Rq({ url: redis.url });
    const consume = (queue: string, onValue: (value: unknown) => void) =>
      rq
        .queue(queue)
        .deliveries$({ concurrency: 40 })
        .subscribe((delivery) => {
          const [value] = delivery.call().args;
          onValue(value);
          void delivery.finish(value);
        });
    const reached: unknown[] = [];
    consume('second', () => undefined);
    // Forgotten as soon as they are done: a job made twice would run twice.
    consume('third', (value) => reached.push(value));
    const specs = Array.from({ length: items }, (_, n) => ({ name: 'f', args: [n] }));
    await rq.queue('first').enqueueMany(specs);
    const hosts = [startHost()];
    consume('first', () => undefined);
    for (let kill = 1; kill <= kills; kill++) {
      const due = Math.floor((items * kill) / (kills + 2));
      await until(`${due} came through`, () => reached.length >= due, { deadlineMs: 15_000 });
      const host = hosts.at(-1) as ChildProcess;
      const gone = once(host, 'exit');
      host.kill('SIGKILL');
      await gone;
      hosts.push(startHost());
    }
    await until('all came through', () => reached.length >= items, { deadlineMs: 15_000 });
    const last = hosts.at(-1) as ChildProcess;
    last.kill('SIGKILL');
    await once(last, 'exit');
    expect(reached).toHaveLength(items);
    expect(new Set(reached).size).toBe(items);
    expect(await rq.queue('third').length()).toBe(0);
    expect(await redis.client.zcard(keys.finished('third'))).toBe(items);
    await rq.close();
  }, 60_000);
});
