import type { Redis } from 'ioredis';
import { withoutEnd } from '../audit/pick.js';
import { type Survey, survey } from '../audit/survey.js';
import { keys, prefixes } from '../keys.js';
import { readServerClock } from '../server-clock.js';
import { type ListedWorker, listWorkers } from '../worker-records.js';

export interface SchedulerLock {
  /** Of the scheduler, or the process id of an older one. */
  value: string;
  /** -1 when it never expires. */
  expiresInMs: number;
  /** `host pid`, where the scheduler's record tells. */
  holder: string | null;
}

export interface QueueReading {
  name: string;
  queued: number;
  scheduled: number;
  /** Due for more than a minute. */
  overdue: number;
  canceled: number;
  /** Workers of ours take none of its jobs. */
  isPaused: boolean;
  lock: SchedulerLock | null;
}

/** Who is there, and what waits for whom, at one moment. */
export interface FleetReading {
  nowMs: number;
  workers: readonly ListedWorker[];
  queues: readonly QueueReading[];
  /** Seconds until workers take jobs again, -1 when nobody has said; `null` when they do. */
  suspendedSeconds: number | null;
  /** `rq:queues` has the FailedQueue's list. */
  isFailedAQueue: boolean;
  failedListType: string;
  /** How many rate limits are in use. */
  rateLimits: number;
  /** Queues with a limit of starts. */
  startLimits: readonly string[];
}

/** What only a look at every key can tell. */
export interface KeysReading {
  /** Members of `rq:wip` without an execution, as RQ 1 writes them. */
  bareLeases: number;
  results: number;
  /** Results streams that never expire; of jobs that are there, and of jobs that are gone. */
  endlessResults: { ofJobs: number; ofNobody: number };
}

const overdueSeconds = 60;

/** Reads only. */
export const readFleet = async (redis: Redis): Promise<FleetReading> => {
  const { seconds, ms: nowMs } = await readServerClock(redis);
  const members = await redis.smembers(keys.queues);
  const names = members
    .filter((key) => key.startsWith(prefixes.queue) && key !== keys.failedQueue)
    .map((key) => key.slice(prefixes.queue.length))
    .sort();
  const queues: QueueReading[] = [];
  for (const name of names) queues.push(await readQueue(redis, name, seconds));
  const suspended = await redis.ttl(keys.suspended);
  const limits = await Promise.all(names.map((name) => redis.exists(keys.startLimit(name))));
  return {
    nowMs,
    workers: await listWorkers(redis),
    queues,
    suspendedSeconds: suspended === -2 ? null : suspended,
    isFailedAQueue: members.includes(keys.failedQueue),
    failedListType: await redis.type(keys.failedQueue),
    // A key of another type is the audit's to tell.
    rateLimits: await redis.scard(keys.rateLimits).catch(() => 0),
    startLimits: names.filter((_, index) => limits[index] === 1),
  };
};

const readQueue = async (redis: Redis, name: string, now: number): Promise<QueueReading> => {
  const lock = keys.schedulerLock(name);
  const replies = await redis
    .pipeline()
    .llen(keys.queue(name))
    .zcard(keys.scheduled(name))
    .zcount(keys.scheduled(name), 0, now - overdueSeconds)
    .zcard(keys.canceled(name))
    .exists(keys.paused(name))
    .get(lock)
    .pttl(lock)
    .exec();
  // A key of another type is the audit's to tell.
  const [queued, scheduled, overdue, canceled, paused, value, expiresInMs] = (replies ?? []).map(
    ([error, reply]) => (error ? 0 : reply),
  ) as [number, number, number, number, number, string | null, number];
  return {
    name,
    queued,
    scheduled,
    overdue,
    canceled,
    isPaused: paused === 1,
    lock: value ? { value, expiresInMs, holder: await holderOf(redis, value) } : null,
  };
};

const holderOf = async (redis: Redis, value: string): Promise<string | null> => {
  const [host, pid] = await redis
    .hmget(keys.scheduler(value), 'hostname', 'pid')
    .catch(() => [null, null]);
  return host === null || host === undefined ? null : `${host} ${pid ?? ''}`.trim();
};

/** One look at all keys, in small steps. Reads only. */
export const readKeys = async (redis: Redis): Promise<{ reading: KeysReading; survey: Survey }> => {
  const found = await survey(redis);
  const { names, places } = found;
  let bareLeases = 0;
  for (const { leases } of places.values())
    bareLeases += leases.filter(({ execution }) => execution === '').length;
  const endless = await withoutEnd(redis, [...names.results]);
  const ofJobs = endless.filter((key) =>
    names.jobIds.has(key.slice(prefixes.results.length)),
  ).length;
  return {
    survey: found,
    reading: {
      bareLeases,
      results: names.results.size,
      endlessResults: { ofJobs, ofNobody: endless.length - ofJobs },
    },
  };
};
