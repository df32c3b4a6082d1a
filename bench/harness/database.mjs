import Redis from 'ioredis';
import { CannotRunError } from './cannot-run-error.mjs';
import { startPrivateRedis } from './private-redis.mjs';

const ownerKey = 'rxrq-bench:owner';
const defaultDatabase = 15;

/**
 * Opens the one database that the bench may empty: that of `url`, or of a private server without
 * it. Throws when the database holds keys that no bench wrote.
 */
export async function openDatabase(url) {
  const own = url === undefined ? await startPrivateRedis() : undefined;
  const target = targetOf(url ?? own.url);
  const client = new Redis({ ...target, maxRetriesPerRequest: 1 });
  // Every command that fails says why itself; without a listener ioredis prints each retry as well.
  client.on('error', () => undefined);
  try {
    await refuseForeignKeys(client, target);
  } catch (error) {
    client.disconnect();
    own?.stop();
    throw error;
  }
  return {
    target,
    client,
    isPrivate: own !== undefined,
    // In one transaction, so that a bench that dies in between leaves either the mark or nothing.
    flush: () => client.multi().flushdb('SYNC').set(ownerKey, 'may be flushed').exec(),
    async close() {
      await client.flushdb('SYNC');
      client.disconnect();
      own?.stop();
    },
  };
}

async function refuseForeignKeys(client, { host, port, db }) {
  const [keys, owned] = await Promise.all([client.dbsize(), client.exists(ownerKey)]).catch(
    (cause) => {
      throw new CannotRunError(`no answer from Redis at ${host}:${port}: ${cause.message}`, {
        cause,
      });
    },
  );
  if (keys === 0 || owned === 1) return;
  throw new CannotRunError(
    `database ${db} at ${host}:${port} holds ${keys} keys that this bench did not write, and it would be flushed: name an empty one in REDIS_URL`,
  );
}

function targetOf(text) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'redis:' && url?.protocol !== 'rediss:') {
    throw new CannotRunError(`REDIS_URL must look like redis://host:6379/15, not '${text}'`);
  }
  const path = url.pathname.slice(1);
  const db = path === '' ? defaultDatabase : Number(path);
  if (!Number.isInteger(db))
    throw new CannotRunError(`REDIS_URL names no database number: '${path}'`);
  url.pathname = `/${db}`;
  return {
    url: url.href,
    host: url.hostname,
    port: Number(url.port || 6379),
    db,
    ...(url.username && { username: decodeURIComponent(url.username) }),
    ...(url.password && { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' && { tls: {} }),
  };
}
