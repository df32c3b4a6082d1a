import type { Redis } from 'ioredis';
import { keys } from './keys.js';
import { isJobId } from './names.js';

/** A job that waits for another one, and its queue. */
export interface Dependent {
  id: string;
  origin: string;
}

const atOnce = 500;

/** Jobs that wait for one; ids in its set that do not (any more) are left out. RQ: `Job.dependent_ids`. */
export const dependentsOf = async (redis: Redis, parent: string): Promise<Dependent[]> => {
  const found = new Map<string, Dependent>();
  let cursor = '0';
  do {
    const [next, members] = await redis.sscan(keys.dependents(parent), cursor, 'COUNT', atOnce);
    cursor = next;
    const ids = members.filter(isJobId);
    const replies = await redis
      .pipeline(ids.map((id) => ['hmget', keys.job(id), 'status', 'origin']))
      .exec();
    ids.forEach((id, index) => {
      const [error, fields] = replies?.[index] ?? [null, null];
      const [status, origin] = (error ? [] : fields) as Array<string | null>;
      if (status === 'deferred' && origin) found.set(id, { id, origin });
    });
  } while (cursor !== '0');
  return [...found.values()];
};

/**
 * Jobs that wait for one, directly or through others, in an order in which they may be taken away: each before
 * what it was found through, so that none seems to have nothing left to wait for.
 */
export const allDependents = async (redis: Redis, parent: string): Promise<Dependent[]> => {
  const found = new Map<string, Dependent>();
  const open = [parent];
  for (let id = open.shift(); id !== undefined; id = open.shift()) {
    for (const dependent of await dependentsOf(redis, id)) {
      if (dependent.id === parent || found.has(dependent.id)) continue;
      found.set(dependent.id, dependent);
      open.push(dependent.id);
    }
  }
  return [...found.values()].reverse();
};

/** The status of each job; `null` for one that is gone. */
export const statusesOf = async (
  redis: Redis,
  ids: readonly string[],
): Promise<Array<{ jobId: string; status: string | null }>> => {
  const replies = await redis.pipeline(ids.map((id) => ['hget', keys.job(id), 'status'])).exec();
  return ids.map((jobId, index) => {
    const [error, status] = replies?.[index] ?? [null, null];
    return { jobId, status: error ? null : (status as string | null) };
  });
};
