import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { startPrivateRedis } from '../support/redis.js';

describe('examples', () => {
  it('print what stands beside them', async () => {
    const redis = await startPrivateRedis();
    try {
      const env = { ...process.env, REDIS_URL: redis.url };
      const run = promisify(execFile)(process.execPath, ['scripts/examples.mjs'], { env });
      await expect(run).resolves.toBeDefined();
    } finally {
      await redis.stop();
    }
  }, 120_000);
});
