import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { pruneGroups } from './group-store.js';
import { keys, prefixes } from './keys.js';
import { loadScript, runScript } from './scripts.js';
import { readServerClock } from './server-clock.js';
import { forgetLeases } from './transitions/recover.js';

const dropping = loadScript('drop-leftovers');
/** RQ's: longer than a pass may take. */
const lockSeconds = 899;
const leftoversAtOnce = 500;

/**
 * One cleaning of a queue, under the lock that Python's workers take too: entries of registries whose jobs
 * expired, workers that are gone, canceled jobs that are not there any more, leftovers in the FailedQueue's list, and, some minutes apart, ids in groups. Nothing here moves a job. RQ:
 * `clean_registries`, `clean_worker_registry`. Answers whether it was our turn.
 */
export const cleanQueue = async (redis: Redis, queue: string): Promise<boolean> => {
  const lock = keys.cleaning(queue);
  const ours = randomUUID();
  if ((await redis.set(lock, ours, 'EX', lockSeconds, 'NX')) === null) return false;
  try {
    const { seconds } = await readServerClock(redis);
    await redis.zremrangebyscore(keys.finished(queue), 0, seconds);
    await redis.zremrangebyscore(keys.failed(queue), 0, seconds);
    await forgetLeases(redis, queue);
    await forgetWorkers(redis, keys.workersOf(queue));
    await forgetWorkers(redis, keys.workers);
    await forgetCanceled(redis, queue);
    await dropLeftovers(redis);
    // Last, because it may find a key that is no group.
    await pruneGroups(redis);
    return true;
  } finally {
    await release(redis, lock, ours);
  }
};

// Not another's, should we have been frozen for longer than the lock holds.
const release = async (redis: Redis, lock: string, ours: string): Promise<void> => {
  const script = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end`;
  await redis.eval(script, 1, lock, ours);
};

// RQ never takes an id out of this registry, so it grows with jobs that were deleted or have expired.
const forgetCanceled = async (redis: Redis, queue: string): Promise<void> => {
  const registry = keys.canceled(queue);
  let cursor = '0';
  do {
    const [next, flat] = await redis.zscan(registry, cursor, 'COUNT', leftoversAtOnce);
    cursor = next;
    const ids = flat.filter((_, at) => at % 2 === 0);
    if (ids.length === 0) continue;
    const there = await redis.pipeline(ids.map((id) => ['exists', keys.job(id)])).exec();
    const gone = ids.filter((_, at) => there?.[at]?.[1] === 0);
    if (gone.length > 0) await redis.zrem(registry, ...gone);
  } while (cursor !== '0');
};

const forgetWorkers = async (redis: Redis, set: string): Promise<void> => {
  const members = await redis.smembers(set);
  if (members.length === 0) return;
  const alive = await redis.pipeline(members.map((member) => ['exists', member])).exec();
  const gone = members.filter((_, index) => alive?.[index]?.[1] === 0);
  if (gone.length > 0)
    await redis
      .pipeline()
      .srem(set, ...gone)
      .srem(keys.workers, ...gone)
      .exec();
};

/**
 * Takes ids off the FailedQueue's list whose jobs have not failed (any more). A look at all of a long list would hold
 * Redis: at its head, where the oldest are, and at a place that is another one each time.
 */
const dropLeftovers = async (redis: Redis): Promise<void> => {
  const length = await redis.llen(keys.failedQueue);
  const windows = length > leftoversAtOnce ? [0, Math.floor(Math.random() * length)] : [0];
  const args = [prefixes.job, leftoversAtOnce, ...windows];
  await runScript(redis, dropping, [keys.failedQueue], args);
};
