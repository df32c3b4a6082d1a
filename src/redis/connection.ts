import type { Redis, RedisOptions } from 'ioredis';
import {
  type ClusterAddress,
  isClusterUrl,
  parseClusterUrl,
  planCluster,
} from './cluster-address.js';
import { DiscreetRedis } from './discreet-redis.js';
import { InvalidOptionError, RedisUnavailableError } from './errors.js';
import { watchFailovers } from './failover-watch.js';
import { SlotConnection } from './slot-connection.js';

/**
 * Where Redis is: a URL (`redis://`, `rediss://`, `unix path`), ioredis' own options, or a space of a Redis Cluster, also
 * as URL (`redis+cluster://host:port,host:port/space`).
 */
export type RedisAddress = string | RedisSettings | ClusterAddress;

/** ioredis' options, replies in the plain form. */
export type RedisSettings = Omit<RedisOptions, 'replyMapping'>;

/** Where Redis listens by default. */
export const localRedis = 'redis://localhost:6379';

/** Where Redis is, for a program that does not say: `REDIS_URL`, else this host. */
export const addressOr = (given: RedisAddress | undefined): RedisAddress =>
  given ?? process.env.REDIS_URL ?? localRedis;

/** Once Redis is back, every connection of ours has tried again within this time. */
export const longestPauseMs = 2_200;

// maxRetriesPerRequest 0 rejects at once when the connection closes, so that our own retry, which
// keeps the request id, is the only one: ioredis' resend runs a script twice, and switching the
// resend off leaves promises pending for ever (both measured). The ready check waits out LOADING.
const common: RedisSettings = {
  // The plain replies of RESP2: scores stay the exact text that Redis compares, and maps stay lists.
  protocol: 2,
  connectTimeout: 3_000,
  keepAlive: 10_000,
  // A sentinel that is frozen takes connections and answers nothing: the next one is asked.
  sentinelCommandTimeout: 3_000,
  enableReadyCheck: true,
  maxRetriesPerRequest: 0,
  // ioredis subscribes again without looking at the answer: a connection that breaks just then would end the process
  // by an unhandled rejection. Whoever listens here subscribes again with each `ready`.
  autoResubscribe: false,
  // From 7.2 on a user may be refused CLIENT SETINFO, and each connection would leave a line in ACL LOG; before, no rule
  // could grant it.
  disableClientInfo: true,
  retryStrategy: (tries) =>
    Math.min(50 * 2 ** Math.min(tries - 1, 10), longestPauseMs - 200) + Math.random() * 200,
};

const open = (address: RedisAddress, settings: RedisSettings, repeats: boolean): Redis => {
  const redis = connect(address, { ...common, ...settings }, repeats);
  // ioredis prints unhandled connection errors; each command's rejection carries them already.
  redis.on('error', (error: Error & { command?: { name: string } }) => {
    // And goes on in database 0 when Redis refuses the one that is wanted: what waits is refused instead.
    if (error.command?.name !== 'select') return;
    const refusal = new Error(`${error.message} (database ${redis.options.db})`);
    refusals.set(redis, refusal);
    redis.recoverFromFatalError(error, refusal, {});
  });
  redis.on('ready', () => refusals.delete(redis));
  return redis;
};

const refusals = new WeakMap<Redis, Error>();

/**
 * What a program that comes up is to be told of a try that failed for want of a connection: that Redis refuses the database,
 * where it does, else `RedisUnavailableError`. Only the command that waits for a connection hears of a refusal; the next one
 * comes while that connects anew, and hears that it cannot.
 */
export const whyUnavailable = (
  redis: Redis,
  operation: string,
  afterMs: number,
  cause: unknown,
): Error => refusals.get(redis) ?? new RedisUnavailableError(operation, afterMs, true, { cause });

const connect = (address: RedisAddress, options: RedisSettings, repeats: boolean): Redis => {
  const cluster = clusterIn(address);
  if (cluster) {
    const { cluster: _nodes, space: _space, ...own } = cluster;
    return new SlotConnection({ ...own, ...options }, { ...planCluster(cluster), repeats });
  }
  if (typeof address === 'string') return new DiscreetRedis(options, checkUrl(address));
  const settings = { ...(address as RedisSettings), ...options };
  const redis = new DiscreetRedis(settings);
  if (settings.sentinels) watchFailovers(redis, settings);
  return redis;
};

/** The address when it is of a cluster. @throws InvalidOptionError */
export const clusterIn = (address: RedisAddress): ClusterAddress | null => {
  if (typeof address === 'string') return isClusterUrl(address) ? parseClusterUrl(address) : null;
  return 'cluster' in address ? address : null;
};

// Nothing of a URL that is refused is repeated, nor the error of Node, which does: it may hold a password.
const checkUrl = (url: string): string => {
  if (!/^(rediss?|valkeys?|unix):\/\/|^\//.test(url)) {
    throw new InvalidOptionError(
      'url',
      'it must start with redis://, rediss://, redis+cluster:// or unix://',
    );
  }
  if (/^unix:\/\/[^/].*@/s.test(url)) {
    // ioredis takes all of it for the path, which errors name.
    throw new InvalidOptionError(
      'url',
      'that of a socket holds no user: give { path, username, password } instead',
    );
  }
  // ioredis does not know this name of the same.
  const known = url.replace(/^valkey/, 'redis');
  if (!/^(unix:|\/(?!\/))/.test(url) && !isWellFormed(known.replace(/^\/\//, 'redis://'))) {
    throw new InvalidOptionError(
      'url',
      'it must look like redis://user:password@host:6379/0, with special characters of the password as %XX',
    );
  }
  if (/^rediss?:/.test(known)) checkDatabase(new URL(known));
  return known;
};

// ioredis would take any path for a number, and passes over a second database that RQ would take.
const checkDatabase = ({ pathname, searchParams }: URL): void => {
  const [path, asked] = [pathname.replace(/^\/+/, ''), searchParams.get('db')];
  for (const named of [path, asked ?? '']) {
    if (!/^\d*$/.test(named))
      throw new InvalidOptionError('url', 'the path, or db=, is the number of a database');
  }
  if (path !== '' && asked !== null && Number(path) !== Number(asked))
    throw new InvalidOptionError('url', 'it names two databases, one in the path and one as db=');
};

/** Whether a URL can be read, the user and the password in it too. */
export const isWellFormed = (url: string): boolean => {
  try {
    const { username, password } = new URL(url);
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
};

/**
 * For commands and scripts that answer at once. A command unanswered after 5 s is rejected, its effect unknown;
 * a connection that answers nothing for 7 s is given up for a new one, because a network that swallows packets
 * closes nothing, for a quarter of an hour.
 */
export const openCommandConnection = (
  address: RedisAddress,
  /** Shown by `CLIENT LIST`. */
  connectionName?: string,
): Redis =>
  open(
    address,
    {
      commandTimeout: 5_000,
      socketTimeout: 7_000,
      ...(connectionName !== undefined && { connectionName }),
    },
    true,
  );

/** This connection's end as Redis sees it, `address:port`; `unknown` where it may not be asked, as RQ has it. */
export const clientAddress = async (redis: Redis): Promise<string> => {
  const info = await redis.call('CLIENT', 'INFO').catch((error: unknown) => {
    if (/^(ERR|NOPERM)/.test((error as Error).message)) return '';
    throw error;
  });
  return / addr=(\S+)/.exec(` ${String(info)}`)?.[1] ?? 'unknown';
};

/**
 * For one loop of blocking calls, and no other command on it. It has no command timeout: ioredis would
 * settle the promise and swallow the late reply, with the element in it. The loop keeps its own deadline
 * and ends it with `giveUpConnection`.
 */
export const openBlockingConnection = (address: RedisAddress): Redis => open(address, {}, false);

/** Closes for good, whatever state the connection is in; pending commands reject, and all that come later. */
export const closeConnection = (redis: Redis): void => {
  const isBetween = redis.status === 'reconnecting';
  redis.disconnect(false);
  if (!isBetween) return;
  // ioredis closed while it pauses between two tries stays in that pause: its queue is never answered. A try that is
  // called off at once takes it to its end.
  redis.connect().catch(() => undefined);
  redis.disconnect(false);
};

/** The address without its credentials, for messages. */
export const describeAddress = (address: RedisAddress): string => {
  if (typeof address !== 'string') {
    if ('cluster' in address)
      return `redis+cluster://${address.cluster.join(',')}/${address.space ?? ''}`;
    const { sentinels, name, path, host = 'localhost', port = 6379 } = address;
    if (sentinels && sentinels.length > 0) {
      const shown = sentinels.map((one) => `${one.host ?? 'localhost'}:${one.port ?? 26_379}`);
      return `${name ?? 'mymaster'} of ${shown.join(',')}`;
    }
    return path ?? `${host}:${port}`;
  }
  // Greedy, and without what follows the path: a password may hold any character, and may be a parameter.
  return address.replace(/\/\/.*@/s, '//').replace(/[?#].*$/s, '');
};
