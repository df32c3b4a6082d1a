import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import { readServerClock } from '../server-clock.js';

const script = loadScript('cron-beat');

/** Silent for longer, a cron process counts as dead. RQ: `DEFAULT_CRON_SCHEDULER_TTL`. */
export const cronSchedulerTtlSeconds = 120;

/** A cron process as RQ's tools list it. Source: RQ's `CronScheduler.to_dict`. */
export interface CronSchedulerRecord {
  name: string;
  hostname: string;
  pid: number;
  config_file: string;
  /** JSON of its entries. */
  cron_jobs: string;
}

/** A sign of life, or the first one. Answers the time of Redis, in milliseconds. RQ: `register_birth`, `heartbeat`, `save`. */
export const beatCron = async (
  redis: Redis,
  record: CronSchedulerRecord,
  isBirth: boolean,
): Promise<number> =>
  (await runScript(
    redis,
    script,
    [keys.cronSchedulers, keys.cronScheduler(record.name)],
    [
      record.name,
      cronSchedulerTtlSeconds,
      isBirth ? 'birth' : '',
      ...Object.entries(record).flat(),
    ],
  )) as number;

/** RQ: `register_death`, which leaves the hash to expire. */
export const buryCron = async (redis: Redis, name: string): Promise<void> => {
  await redis.zrem(keys.cronSchedulers, name);
  await redis.del(keys.cronScheduler(name));
};

/**
 * The time of Redis, and the due time of the last tick of each entry. One that was never seen counts from now on,
 * and is marked so: what it misses from here on can be caught up.
 */
export const openCron = async (
  redis: Redis,
  entries: ReadonlyArray<{ queue: string; name: string; isFixed: boolean }>,
): Promise<{ nowMs: number; lastDuesMs: number[] }> => {
  const nowMs = Math.floor((await readServerClock(redis)).ms);
  const lastDuesMs = await Promise.all(
    entries.map(async ({ queue, name, isFixed }) => {
      // An interval's first tick is due at once.
      if (!isFixed) return nowMs;
      await redis.hsetnx(keys.cron(queue), name, `${nowMs} new`);
      const due = /^(\d{1,13}) /.exec((await redis.hget(keys.cron(queue), name)) ?? '');
      return due ? Math.min(Number(due[1]), nowMs) : nowMs;
    }),
  );
  return { nowMs, lastDuesMs };
};
