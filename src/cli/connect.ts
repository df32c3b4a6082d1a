import type { Command } from 'commander';
import type { Redis } from 'ioredis';
import { describeAddress, localRedis, type RedisAddress } from '../redis/connection.js';
import type { TellWrongType } from '../redis/wrong-type.js';
import { Rq, type RqOptions } from '../streams/rq.js';
import { escapeText } from './escape.js';
import { ExitError, exitCodes } from './exit.js';
import type { Io } from './io.js';
import { tellingOn } from './left-out.js';
import { withRedisOptions } from './redis-options.js';

/** The options that every command has. */
export interface CommonOptions {
  json?: boolean;
  verbose?: boolean;
  /** Where Redis is, found out of flags, environment and config file before the command begins. */
  address?: RedisAddress;
}

const reachWithinMs = 4_500;

/** Gives a command what every command has: where Redis is, the config file, and `--json`. */
export const withCommonOptions = (command: Command): Command =>
  withRedisOptions(command)
    .option('--json', 'print one JSON object a line and nothing else')
    .option('-v, --verbose', 'say on stderr which Redis and which config file are used');

/** Where Redis is. */
export const redisAddress = (options: CommonOptions): RedisAddress => options.address ?? localRedis;

/** The target as it may be shown: without credentials. */
export const shownTarget = (address: RedisAddress): string => escapeText(describeAddress(address));

/**
 * Opens Redis, does the work, closes it. `tell` says on stderr what the work leaves out, as the `Rq` does of its own.
 *
 * @throws ExitError 3 within 5 seconds when Redis cannot be reached; what the work throws
 */
export const withRq = async <T>(
  io: Io,
  options: CommonOptions,
  work: (rq: Rq, address: RedisAddress, tell: TellWrongType) => Promise<T>,
  settings: Omit<RqOptions, 'url'> = {},
): Promise<T> => {
  const address = redisAddress(options);
  if (options.verbose) io.err(io.errorColors.dim(`Redis: ${shownTarget(address)}`));
  const tell = tellingOn(io);
  const rq = new Rq({ url: address, onTrouble: tell, ...settings });
  try {
    await reach(rq.redis, address);
    return await work(rq, address, tell);
  } finally {
    await rq.close();
  }
};

const reach = async (redis: Redis, address: RedisAddress): Promise<void> => {
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
      `Redis at ${describeAddress(address)} cannot be reached: ${why}`,
    );
  } finally {
    redis.off('error', keep);
  }
};
