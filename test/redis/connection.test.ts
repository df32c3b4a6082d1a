import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { bootCron, bootScheduler, bootWorker, defineCron, Rq } from '../../src/index.js';
import {
  closeConnection,
  openBlockingConnection,
  openCommandConnection,
} from '../../src/redis/connection.js';
import { InvalidOptionError } from '../../src/redis/errors.js';
import { startPrivateRedis } from '../support/redis.js';
import { until } from '../support/until.js';

describe('a closed connection', () => {
  it('answers what waits for Redis and what comes later, also between two tries to connect', async () => {
    const server = await startPrivateRedis();
    const redis = openCommandConnection(server.url);
    try {
      await redis.ping();
      await server.kill();
      await until('it pauses', () => redis.status === 'reconnecting');
      const waiting = redis.get('a');
      closeConnection(redis);
      await expect(waiting).rejects.toThrow('Connection is closed.');
      expect(redis.status).toBe('end');
      await expect(redis.get('b')).rejects.toThrow('Connection is closed.');
    } finally {
      await server.stop();
    }
  });
});

describe('a database that Redis refuses', () => {
  it.each([
    ['it has no such one', '/99', /DB index is out of range/],
    ['the user may not', '/3', /NOPERM|no permissions/],
  ])('is never another one: %s', async (_, path, refusal) => {
    const server = await startPrivateRedis();
    const admin = new Redis(server.url);
    try {
      await admin.call('ACL', 'SETUSER', 'narrow', 'on', '>pass', '~*', '&*', '+@all', '-select');
      const address = server.url.replace('//', '//narrow:pass@') + path;
      const url = path === '/99' ? server.url + path : address;
      for (const redis of [openCommandConnection(url), openBlockingConnection(url)]) {
        const told: string[] = [];
        redis.on('error', ({ message }) => told.push(message));
        // A try that fails on its way says only that it failed; so does what comes while it connects anew.
        const isTold = async () => {
          const said = await redis.set('a', 'x').catch((error: Error) => error.message);
          expect(said).not.toBe('OK');
          return refusal.test(String(said));
        };
        await until('a command is refused for that', isTold);
        await new Promise((resolve) => redis.once('close', resolve));
        await until('the next one as well', isTold);
        expect(told).toContainEqual(expect.stringMatching(refusal));
        closeConnection(redis);
      }
      const rq = new Rq({ url });
      await expect(rq.queue('q').enqueue('a.b')).rejects.toThrow(refusal);
      await rq.close();
      expect(await admin.dbsize()).toBe(0);
    } finally {
      admin.disconnect();
      await server.stop();
    }
  });

  it('is what a worker, a scheduler and a cron process that do not come up tell, as they tell a refused password', async () => {
    const server = await startPrivateRedis();
    const admin = new Redis(server.url);
    try {
      await admin.call('ACL', 'SETUSER', 'narrow', 'on', '>pass', '~*', '&*', '+@all', '-select');
      const handlers = new URL('../actors/fixtures/tasks.js', import.meta.url);
      const entries = defineCron([{ task: 'a.b', intervalSeconds: 3_600 }]);
      const narrow = server.url.replace('//', '//narrow:pass@');
      for (const [url, refusal] of [
        [`${server.url}/99`, /ERR DB index is out of range \(database 99\)/],
        [`${narrow}/3`, /NOPERM.*'select'.* \(database 3\)/],
        [server.url.replace('//', '//narrow:wrong@'), /WRONGPASS/],
      ] as const) {
        const on = { onTrouble: () => undefined };
        for (const boot of [
          () => bootWorker({ queues: ['q'], handlers, url, isolation: 'inline', on }),
          () => bootScheduler({ url, on }),
          () => bootCron({ url, entries, on }),
        ]) {
          const error = await boot().catch((one: unknown) => one);
          expect(String(error)).toMatch(refusal);
        }
      }
    } finally {
      admin.disconnect();
      await server.stop();
    }
  });

  it.each(['/x', '/3x', '/3?db=4', '?db=x'])('is refused as what it is: %s', (end) => {
    expect(() => openCommandConnection(`redis://localhost:6379${end}`)).toThrow(InvalidOptionError);
  });
});
