import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { openBlockingConnection } from '../../src/redis/connection.js';
import { keys } from '../../src/redis/keys.js';
import { BlockingCaller } from '../../src/streams/blocking-caller.js';
import { BlockingPop } from '../../src/streams/blocking-pop.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';

let server: Awaited<ReturnType<typeof startPrivateRedis>>;
let redis: Redis;
let pop: BlockingPop;
let hints: string[];
const troubles: unknown[] = [];

beforeAll(async () => {
  server = await startPrivateRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  redis = new Redis(server.url);
  redis.on('error', () => undefined);
  await redis.flushall();
  hints = [];
  troubles.length = 0;
  pop = new BlockingPop(
    'q',
    openBlockingConnection(server.url),
    (_, id) => hints.push(String(id)),
    (error) => troubles.push(error),
  );
});
afterEach(() => {
  pop.close();
  redis.disconnect();
});

const blockedClients = async (): Promise<number> =>
  Number(/blocked_clients:(\d+)/.exec(await redis.info('clients'))?.[1]);
const isBlocked = () => until('it is blocked', async () => (await blockedClients()) === 1);

describe('BlockingPop', () => {
  it('brings one id, which then lies in the in-flight list, and stops', async () => {
    pop.want();
    await isBlocked();
    await redis.rpush(keys.queue('q'), 'one', 'two');
    await until('a hint came', () => hints.length === 1);
    await until('it stopped', () => !pop.isBusy);
    expect(hints).toEqual(['one']);
    expect(await redis.lrange(keys.intermediate('q'), 0, -1)).toEqual(['one']);
    expect(await redis.lrange(keys.queue('q'), 0, -1)).toEqual(['two']);
  });

  it('is over at once when nobody wants anything', async () => {
    pop.want();
    await isBlocked();
    const clientId = pop.release() as number;
    expect(await redis.client('UNBLOCK', clientId)).toBe(1);
    await until('it stopped', () => !pop.isBusy, { deadlineMs: 500 });
    await redis.rpush(keys.queue('q'), 'one');
    expect(hints).toEqual([]);
    expect(pop.release()).toBeNull();
  });

  it('goes on when it is wanted again before it had stopped', async () => {
    pop.want();
    await isBlocked();
    const clientId = pop.release() as number;
    pop.want();
    await redis.client('UNBLOCK', clientId);
    await redis.rpush(keys.queue('q'), 'one');
    await until('a hint came', () => hints.length === 1);
  });

  it('outlives killed connections', async () => {
    pop.want();
    for (let n = 0; n < 5; n++) {
      await isBlocked();
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    }
    await isBlocked();
    await redis.rpush(keys.queue('q'), 'one');
    await until('a hint came', () => hints.length === 1);
    expect(troubles).toEqual([]);
  });

  it('outlives a restart', async () => {
    pop.want();
    await isBlocked();
    await server.restart();
    await until('a hint came', async () => {
      if ((await redis.exists(keys.intermediate('q')).catch(() => 1)) === 0) {
        await redis.lpush(keys.queue('q'), 'one').catch(() => undefined);
      }
      return hints.length > 0;
    });
    expect(hints[0]).toBe('one');
  });

  it('tells what an operator has to see to, and goes on when it is mended', async () => {
    await redis.set(keys.queue('q'), 'no list');
    pop.want();
    await until('it was told', () => troubles.length > 0);
    expect(String(troubles[0])).toContain(
      'Key rq:queue:q or rq:queue:q:intermediate has a wrong type',
    );
    await redis.del(keys.queue('q'));
    await redis.rpush(keys.queue('q'), 'one');
    await until('a hint came', () => hints.length === 1);
  });

  it('stops for good when it is closed', async () => {
    pop.want();
    await isBlocked();
    pop.close();
    await until('it stopped', () => !pop.isBusy);
    pop.want();
    expect(pop.isBusy).toBe(false);
    await until('its connection is gone', async () => (await blockedClients()) === 0);
  });
});

describe('BlockingCaller', () => {
  it('does not wait for ever for a server that is frozen', async () => {
    const caller = new BlockingCaller(openBlockingConnection(server.url));
    await caller.call(10, ['PING']);
    server.freeze();
    try {
      await expect(
        caller.call(10, ['BLMOVE', 'a', 'b', 'LEFT', 'RIGHT', '0.01']),
      ).rejects.toThrow();
    } finally {
      server.thaw();
    }
    await until('it works again', () =>
      caller.call(1_000, ['PING']).then(
        (reply) => String(reply) === 'PONG',
        () => false,
      ),
    );
    caller.close();
  });
});
