import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Rq } from '../../src/streams/rq.js';
import { type FreshRedis, freshRedis } from '../support/redis.js';
import { runHere } from './support/fake-io.js';

let redis: FreshRedis;
let rq: Rq;
beforeAll(async () => {
  redis = await freshRedis();
  rq = new Rq({ url: redis.url });
});
beforeEach(() => redis.client.flushdb());
afterAll(async () => {
  await rq.close();
  await redis.close();
});

const limit = (...args: string[]) => runHere(redis.url, 'limit', ...args);

describe('rxrq limit', () => {
  it('sets, shows and lifts a limit', async () => {
    expect(await limit('mails')).toMatchObject({ code: 1, stdout: 'mails: no limit\n' });
    expect(await limit('mails', '100/1m')).toMatchObject({
      code: 0,
      stdout: 'mails: 100 in 60 s, 0 used\n',
    });
    expect(await rq.queue('mails').startLimit()).toEqual({ max: 100, perSeconds: 60, used: 0 });
    expect((await limit('mails', '5/s', '--json')).objects).toEqual([
      { queue: 'mails', limit: { max: 5, perSeconds: 1, used: 0 } },
    ]);
    expect((await limit('mails', '3/90')).stdout).toBe('mails: 3 in 90 s, 0 used\n');
    expect(await limit('mails', 'off')).toMatchObject({ code: 0, stdout: 'mails: no limit\n' });
    expect(await limit('mails', '--json')).toMatchObject({
      code: 1,
      objects: [{ queue: 'mails', limit: null }],
    });
  });

  it.each(['0/1m', '5', '5/', '/1m', '5/0', '-1/s', '5/1y', '1.5/s', 'on'])(
    'ends with 2 for %s',
    async (text) => {
      const { code, stderr } = await limit('mails', '--', text);
      expect({ code, stderr }).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('100/1m'),
      });
      expect(await redis.client.dbsize()).toBe(0);
    },
  );

  it('is shown by info, and so are rate limits by key', async () => {
    const rateLimit = { key: 'tenant 7', concurrency: 1 };
    for (let n = 0; n < 3; n += 1) await rq.queue('mails').enqueueWith({ rateLimit }, 'a.b');
    await limit('mails', '2/1h');
    const { stdout } = await runHere(redis.url, 'info');
    expect(stdout).toContain('  starts: 2 in 3600 s, 0 used\n');
    expect(stdout).toContain('rate limit tenant 7: 1 of 1, 2 waiting\n');
    const { objects } = await runHere(redis.url, 'info', '--json');
    expect(objects).toMatchObject([
      { kind: 'queue', name: 'mails', queued: 1, limit: { max: 2, perSeconds: 3_600, used: 0 } },
      { kind: 'rateLimit', key: 'tenant 7', concurrency: 1, allowed: 1, waiting: 2 },
      { kind: 'total' },
    ]);
  });
});
