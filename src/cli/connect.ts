import type { Command } from 'commander';
import type { Redis } from 'ioredis';
import { describeAddress } from '../redis/connection.js';
import { Rq, type RqOptions } from '../streams/rq.js';
import { escapeText } from './escape.js';
import { ExitError, exitCodes, UsageError } from './exit.js';
import type { Io } from './io.js';

/** The options that every command has. */
export interface CommonOptions {
  url?: string;
  json?: boolean;
}

const reachWithinMs = 4_500;

/** Gives a command `--url` and `--json`. */
export const withCommonOptions = (command: Command): Command =>
  command
    .option(
      '-u, --url <url>',
      'where Redis is (else RQ_REDIS_URL, REDIS_URL, redis://localhost:6379)',
    )
    .option('--json', 'print one JSON object a line and nothing else');

/** Where Redis is: the flag, RQ_REDIS_URL, REDIS_URL, localhost. @throws UsageError */
export const redisUrlOf = (options: CommonOptions, io: Io): string => {
  const url = options.url ?? (io.env.RQ_REDIS_URL || io.env.REDIS_URL || 'redis://localhost:6379');
  const isPath = /^(\/|unix:)/.test(url);
  // The URL itself is not repeated: it may hold a password, and where that ends is just what is unclear.
  if (!isPath && (!/^(rediss?|valkeys?):\/\//.test(url) || !URL.canParse(url))) {
    throw new UsageError(
      'the Redis URL is not valid: it must look like redis://user:password@host:6379/0, with special characters of the password as %XX',
    );
  }
  return url;
};

/** The target as it may be shown: without credentials. */
export const shownTarget = (url: string): string => escapeText(describeAddress(url));

/**
 * Opens Redis, does the work, closes it.
 *
 * @throws ExitError 3 within 5 seconds when Redis cannot be reached; what the work throws
 */
export const withRq = async <T>(
  io: Io,
  options: CommonOptions,
  work: (rq: Rq, url: string) => Promise<T>,
  settings: Omit<RqOptions, 'url'> = {},
): Promise<T> => {
  const url = redisUrlOf(options, io);
  const rq = new Rq({ url, ...settings });
  try {
    await reach(rq.redis, url);
    return await work(rq, url);
  } finally {
    await rq.close();
  }
};

const reach = async (redis: Redis, url: string): Promise<void> => {
  let reason = '';
  const keep = (error: Error): void => {
    reason = error.message || reason;
  };
  redis.on('error', keep);
  const late = new Promise<never>((_, reject) => {
    setTimeout(
      () => reject(new Error(`no answer within ${reachWithinMs} ms`)),
      reachWithinMs,
    ).unref();
  });
  try {
    await Promise.race([redis.ping(), late]);
  } catch (error) {
    // The command's own rejection says only that retries are used up; the connection's error says why.
    const why = reason || (error instanceof Error ? error.message : String(error));
    throw new ExitError(
      exitCodes.noRedis,
      `Redis at ${describeAddress(url)} cannot be reached: ${why}`,
    );
  } finally {
    redis.off('error', keep);
  }
};
