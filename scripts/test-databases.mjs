// @ts-check
import { Refusal, whenDone } from './running.mjs';

/**
 * The tests flush the databases 1 to `workers` of their Redis. On a server that we were given this
 * refuses when one of them holds anything, and empties them when we are done.
 *
 * @param {string} url
 * @param {number} workers
 * @throws {Refusal}
 */
export async function requireEmpty(url, workers) {
  const name = `REDIS_URL ${url.replace(/\/\/[^@/]*@/, '//***@')}`;
  const redis = await connect(url, name);
  try {
    for (let database = 1; database <= workers; database += 1) {
      await redis.select(database);
      const size = await redis.dbsize();
      if (size === 0) continue;
      throw new Refusal(
        `Database ${database} of ${name} holds ${size} keys, and the tests would flush it. ` +
          `Empty the databases 1 to ${workers}, or unset REDIS_URL to use a private server.`,
      );
    }
  } finally {
    redis.disconnect();
  }
  // Only now: what was there before us is not ours to flush.
  whenDone(async () => {
    const again = await connect(url, name);
    for (let database = 1; database <= workers; database += 1) {
      await again.select(database);
      await again.flushdb();
    }
    again.disconnect();
  });
}

/** @param {string} url @param {string} name */
async function connect(url, name) {
  // Loaded here: before the install there is no ioredis.
  const { Redis } = await import('ioredis');
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  /** @type {Error | undefined} */ let reason;
  redis.on('error', (error) => {
    reason = error;
  });
  try {
    await redis.connect();
    await redis.ping();
    return redis;
  } catch (error) {
    redis.disconnect();
    throw new Refusal(`${name} cannot be used: ${reason ?? error}`);
  }
}
