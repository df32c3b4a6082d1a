import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { type FreshRedis, freshRedis, startPrivateRedis } from '../support/redis.js';
import { NeverCameError, until } from '../support/until.js';

describe('freshRedis', () => {
  let redis: FreshRedis;
  beforeAll(async () => {
    redis = await freshRedis();
  });
  afterAll(() => redis.close());

  it('is empty, and the database that its url names', async () => {
    expect(await redis.client.dbsize()).toBe(0);
    await redis.client.set('a', '1');
    const other = new Redis(redis.url);
    expect(await other.get('a')).toBe('1');
    other.disconnect();
  });

  it('is emptied for the next file', async () => {
    await redis.client.set('left', 'behind');
    // Only where the server is shared do two of them see the same keys.
    const next = await freshRedis();
    expect(await next.client.dbsize()).toBe(0);
    await next.close();
  });
});

describe('startPrivateRedis', () => {
  it('keeps its port and, with an append-only file, its keys over a kill', async () => {
    const server = await startPrivateRedis({
      args: ['--appendonly', 'yes', '--appendfsync', 'always'],
    });
    const before = new Redis(server.url);
    await before.set('a', '1');
    before.disconnect();
    await server.kill();
    expect(server.pid).toBeUndefined();
    await server.restart();
    const after = new Redis(server.url);
    expect(await after.get('a')).toBe('1');
    after.disconnect();
    await server.stop();
  });

  it('answers nothing while frozen, and ends even then', async () => {
    const server = await startPrivateRedis();
    const client = new Redis(server.url);
    await client.set('a', '1');
    server.freeze();
    let answered = false;
    const answer = client.get('a').then((value) => {
      answered = true;
      return value;
    });
    await expect(
      until('an answer of a frozen server', () => answered, { deadlineMs: 200 }),
    ).rejects.toThrow(NeverCameError);
    server.thaw();
    expect(await answer).toBe('1');
    client.disconnect();
    server.freeze();
    const { pid } = server;
    await server.stop();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });
});
