import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Rq } from '../../src/index.js';
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
        await expect(redis.set('a', 'x')).rejects.toThrow(refusal);
        // Nor while it connects anew, nor then.
        await expect(redis.set('b', 'x')).rejects.toThrow();
        await new Promise((resolve) => redis.once('close', resolve));
        await expect(redis.set('c', 'x')).rejects.toThrow();
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

  it.each(['/x', '/3x', '/3?db=4', '?db=x'])('is refused as what it is: %s', (end) => {
    expect(() => openCommandConnection(`redis://localhost:6379${end}`)).toThrow(InvalidOptionError);
  });
});
