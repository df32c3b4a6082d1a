import { Redis } from 'ioredis';
import { RedisServer } from '../../scripts/redis-server.mjs';

export interface FreshRedis {
  /** With the number of the database, for whatever else must see the same keys. */
  readonly url: string;
  readonly client: Redis;
  /** Ends the client; to be called in `afterAll`. */
  close(): Promise<void>;
}

/**
 * An empty database for one test file: that of this jest worker (`JEST_WORKER_ID`) on the server of
 * REDIS_URL or, where jest was started by hand, on a private server.
 *
 * Empty again for whoever calls next: call it once per file and `client.flushdb()` between tests.
 * Channels, `CLIENT LIST`, `CONFIG SET` and the counters of `INFO` know no databases: where they matter, use
 * {@link startPrivateRedis}.
 */
export async function freshRedis(): Promise<FreshRedis> {
  const shared = process.env.REDIS_URL;
  const server = shared ? undefined : await RedisServer.start();
  const url = new URL(shared ?? server?.url ?? '');
  url.pathname = `/${process.env.JEST_WORKER_ID ?? 1}`;
  const client = new Redis(url.href);
  await client.flushdb();
  return {
    url: url.href,
    client,
    async close() {
      client.disconnect();
      await server?.stop();
    },
  };
}

/**
 * A redis-server of the test's own, to kill, freeze and restart. It listens on the loopback, keeps
 * nothing unless `args` say so (`['--appendonly', 'yes']`), and ends with the test process at the latest.
 */
export function startPrivateRedis(
  options: { args?: readonly string[]; binary?: string } = {},
): Promise<RedisServer> {
  return RedisServer.start(options);
}
