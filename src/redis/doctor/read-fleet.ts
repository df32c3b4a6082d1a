import type { Redis } from 'ioredis';
import { withoutEnd } from '../audit/pick.js';
import { type Survey, survey } from '../audit/survey.js';
import { keys, prefixes } from '../keys.js';
import { readServerClock } from '../server-clock.js';
import { type ListedWorker, listWorkers } from '../worker-records.js';
import { passingOver, replyOr, type TellWrongType } from '../wrong-type.js';

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

/** Reads only. What lies under a key of a wrong type counts as absent, and is told. */
export const readFleet = async (redis: Redis, tell: TellWrongType): Promise<FleetReading> => {
  const { seconds, ms: nowMs } = await readServerClock(redis);
  const members: string[] = await passingOver(redis.smembers(keys.queues), [], tell);
  const names = members
    .filter((key) => key.startsWith(prefixes.queue) && key !== keys.failedQueue)
    .map((key) => key.slice(prefixes.queue.length))
    .sort();
  const queues: QueueReading[] = [];
  for (const name of names) queues.push(await readQueue(redis, name, seconds, tell));
  const suspended = await redis.ttl(keys.suspended);
  const limits = await Promise.all(names.map((name) => redis.exists(keys.startLimit(name))));
  return {
    nowMs,
    workers: await passingOver(listWorkers(redis, undefined, tell), [], tell),
    queues,
    suspendedSeconds: suspended === -2 ? null : suspended,
    isFailedAQueue: members.includes(keys.failedQueue),
    failedListType: await redis.type(keys.failedQueue),
    rateLimits: await passingOver(redis.scard(keys.rateLimits), 0, tell),
    startLimits: names.filter((_, index) => limits[index] === 1),
  };
};

const readQueue = async (
  redis: Redis,
  name: string,
  now: number,
  tell: TellWrongType,
): Promise<QueueReading> => {
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
  const [queued, scheduled, overdue, canceled, paused, value, expiresInMs] = (replies ?? []).map(
    (reply) => replyOr(reply, 0, tell),
  ) as [number, number, number, number, number, string | null, number];
  return {
    name,
    queued,
    scheduled,
    overdue,
    canceled,
    isPaused: paused === 1,
    lock: value ? { value, expiresInMs, holder: await holderOf(redis, value, tell) } : null,
  };
};

const holderOf = async (
  redis: Redis,
  value: string,
  tell: TellWrongType,
): Promise<string | null> => {
  const record = redis.hmget(keys.scheduler(value), 'hostname', 'pid');
  const [host, pid] = await passingOver(record, [], tell);
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
