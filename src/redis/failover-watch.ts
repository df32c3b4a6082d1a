import type { Redis, RedisOptions } from 'ioredis';
import { DiscreetRedis } from './discreet-redis.js';

/**
 * Ends a connection for a new one; false, and nothing is done, while it is just being made. That ends by itself, and
 * ioredis would never make another.
 */
export const giveUpConnection = (redis: Redis): boolean => {
  const isUp = redis.status === 'ready' || redis.status === 'connect';
  if (isUp) redis.disconnect(true);
  return isUp;
};

const channel = '+switch-master';
/** Pause before a sentinel that is gone is asked again, in milliseconds. */
const againMs = 5_000;

/**
 * Listens to sentinels, and ends the connections to a primary when they say that another one has taken over. One that was
 * replaced without dying goes on to acknowledge what it will forget, until it is made a replica ten seconds later.
 *
 * ioredis' own `failoverDetector` does the same for each connection by itself, and ends one for ever that was just being made.
 */
class FailoverWatch {
  private readonly watched = new Set<Redis>();
  private readonly sentinels: Redis[];

  constructor(options: RedisOptions) {
    const { sentinels = [], name = 'mymaster' } = options;
    this.sentinels = sentinels.map(({ host = 'localhost', port = 26_379 }) => {
      const sentinel = new DiscreetRedis({
        ...{ host, port, protocol: 2, enableReadyCheck: false, autoResubscribe: false },
        ...{ connectTimeout: 3_000, keepAlive: 10_000, retryStrategy: () => againMs },
        // Nothing is under way there that an orderly end would be waited for.
        disconnectTimeout: 100,
        username: options.sentinelUsername as string,
        password: options.sentinelPassword as string,
        ...(options.sentinelTLS && { tls: options.sentinelTLS }),
      });
      // Whoever needs the primary says what is wrong with the sentinels.
      sentinel.on('error', () => undefined);
      sentinel.on('ready', () => sentinel.subscribe(channel).catch(() => undefined));
      sentinel.on('message', (_, text: string) => {
        if (text.split(' ')[0] === name) for (const redis of this.watched) renewConnection(redis);
      });
      return sentinel;
    });
  }

  add(redis: Redis): void {
    this.watched.add(redis);
  }

  /** Whether somebody is left to watch for. */
  remove(redis: Redis): boolean {
    this.watched.delete(redis);
    return this.watched.size > 0;
  }

  close(): void {
    for (const sentinel of this.sentinels) sentinel.disconnect();
  }
}

// One for all connections of a process to the same primary.
const watches = new Map<string, FailoverWatch>();

/** Watches for this connection until it is closed for good. */
export const watchFailovers = (redis: Redis, options: RedisOptions): void => {
  const key = JSON.stringify([options.sentinels, options.name]);
  const watch = watches.get(key) ?? new FailoverWatch(options);
  watches.set(key, watch);
  watch.add(redis);
  redis.once('end', () => {
    if (watch.remove(redis)) return;
    watch.close();
    if (watches.get(key) === watch) watches.delete(key);
  });
};

// One that is just being made may have been begun with the old address.
const renewConnection = (redis: Redis): void => {
  if (!giveUpConnection(redis)) redis.once('ready', () => giveUpConnection(redis));
};
