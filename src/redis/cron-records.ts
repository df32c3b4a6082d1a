import type { Redis } from 'ioredis';
import { keys } from './keys.js';
import { readServerClock } from './server-clock.js';
import { fromTimestamp } from './timestamp.js';
import { cronSchedulerTtlSeconds } from './transitions/cron-life.js';
import { passingOver, type TellWrongType } from './wrong-type.js';

/** An entry of a cron process, as its record tells of it. What is missing or unreadable is `null`. */
export interface ListedCronEntry {
  readonly name: string;
  readonly functionName: string;
  readonly queue: string;
  /** As it was written; Python's with six fields have the seconds last. */
  readonly cron: string | null;
  /** `null` in Python's, which knows UTC only. */
  readonly timeZone: string | null;
  readonly intervalSeconds: number | null;
  readonly args: readonly unknown[] | null;
  readonly kwargs: Readonly<Record<string, unknown>> | null;
  readonly latestEnqueue: Date | null;
  readonly nextEnqueue: Date | null;
}

/** A living cron process, Node's or Python's. */
export interface ListedCronScheduler {
  readonly name: string;
  readonly hostname: string;
  readonly pid: number | null;
  readonly configFile: string;
  readonly createdAt: Date | null;
  readonly lastHeartbeat: Date;
  readonly entries: readonly ListedCronEntry[];
}

const fields = ['hostname', 'pid', 'config_file', 'created_at', 'cron_jobs'] as const;

/**
 * Cron processes that gave a sign of life within the last two minutes, the one that was heard last at the end. Nothing
 * is changed: dead ones are passed over and left for others to prune; records of a wrong type are passed over and told.
 * RQ: `CronScheduler.all`.
 */
export const listCronSchedulers = async (
  redis: Redis,
  tell: TellWrongType,
): Promise<ListedCronScheduler[]> => {
  const { seconds } = await readServerClock(redis);
  const since = seconds - cronSchedulerTtlSeconds;
  const found = await redis.zrangebyscore(keys.cronSchedulers, since, '+inf', 'WITHSCORES');
  const names = found.filter((_, index) => index % 2 === 0);
  const hashes = await Promise.all(
    names.map((name) => passingOver(redis.hmget(keys.cronScheduler(name), ...fields), [], tell)),
  );
  return names.flatMap((name, index) => {
    const values = hashes[index] as Array<string | null>;
    if (values.every((value) => value === null)) return [];
    const [hostname, pid, configFile, createdAt, entries] = values;
    return [
      {
        name,
        hostname: hostname ?? '',
        pid: /^\d{1,10}$/.test(pid ?? '') ? Number(pid) : null,
        configFile: configFile ?? '',
        createdAt: fromTimestamp(createdAt ?? ''),
        lastHeartbeat: new Date(Number(found[2 * index + 1]) * 1_000),
        entries: list(entries ?? '').flatMap(readEntry),
      },
    ];
  });
};

/** Names of cron entries that enqueued within the last year, the latest at the end. RQ: `cron_job_registry.get_names`. */
export const cronNames = (redis: Redis): Promise<string[]> =>
  redis.zrange(keys.cronJobs, '0', '-1');

/** Ids of jobs that a cron entry made, the newest first; RQ keeps 1,000. RQ: `get_cron_job_ids`. */
export const cronJobIds = (
  redis: Redis,
  name: string,
  offset: number,
  count: number,
): Promise<string[]> => redis.zrevrange(keys.cronHistory(name), offset, offset + count - 1);

const parse = (text: unknown): unknown => {
  if (typeof text !== 'string') return null;
  try {
    return JSON.parse(text);
  } catch {
    return null; // RQ's `<not JSON serializable>`, or not RQ's at all: a listing must go on.
  }
};

const list = (text: unknown): unknown[] => {
  const value = parse(text);
  return Array.isArray(value) ? value : [];
};

const readEntry = (value: unknown): ListedCronEntry[] => {
  if (value === null || typeof value !== 'object') return [];
  const record = value as Record<string, unknown>;
  const text = (field: string): string | null => {
    const found = record[field];
    return typeof found === 'string' ? found : null;
  };
  const args = parse(record.args);
  const kwargs = parse(record.kwargs);
  return [
    {
      name: text('name') ?? text('func_name') ?? '?',
      functionName: text('func_name') ?? '?',
      queue: text('queue_name') ?? '?',
      cron: text('x_cron') ?? text('cron'),
      timeZone: text('x_time_zone'),
      intervalSeconds: typeof record.interval === 'number' ? record.interval : null,
      args: Array.isArray(args) ? args : null,
      kwargs:
        kwargs !== null && typeof kwargs === 'object' ? (kwargs as Record<string, unknown>) : null,
      latestEnqueue: fromTimestamp(text('latest_enqueue_time') ?? ''),
      nextEnqueue: fromTimestamp(text('next_enqueue_time') ?? ''),
    },
  ];
};
