// @ts-check
import { Refusal, whenDone } from './running.mjs';

/**
 * The tests flush the databases 1 to `workers` of their Redis. On a server that we were given this
 * refuses when one of them holds anything, and empties them when we are done.
 *
 * @param {string} url
 * @param {number} workers
 */
export async function requireEmpty(url, workers) {
  // Loaded here: before the install there is no ioredis.
  const { Redis } = await import('ioredis');
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0 });
  const connectionErrors = /** @type {Error[]} */ ([]);
  redis.on('error', (error) => connectionErrors.push(error));
  try {
    await redis.connect();
  } catch (error) {
    throw new Refusal(
      `Nothing answers at REDIS_URL ${withoutPassword(url)}: ${connectionErrors[0] ?? error}`,
    );
  }
  whenDone(async () => {
    for (let database = 1; database <= workers; database += 1) {
      await redis.select(database);
      await redis.flushdb();
    }
    redis.disconnect();
  });
  for (let database = 1; database <= workers; database += 1) {
    await redis.select(database);
    const size = await redis.dbsize();
    if (size === 0) continue;
    redis.disconnect();
    throw new Refusal(
      `Database ${database} of REDIS_URL ${withoutPassword(url)} holds ${size} keys, and the tests ` +
        `would flush it. Empty the databases 1 to ${workers}, or unset REDIS_URL to use a private server.`,
    );
  }
}

function withoutPassword(/** @type {string} */ url) {
  return url.replace(/\/\/[^@/]*@/, '//***@');
}
