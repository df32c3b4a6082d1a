import { describe, expect, it } from '@jest/globals';
import { closeConnection, openCommandConnection } from '../../src/redis/connection.js';
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
