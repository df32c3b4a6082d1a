import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import type { Suspicion } from './finding.js';
import type { HashView } from './job-view.js';
import { members, readHashes, tolerate } from './survey.js';

/**
 * Deferred jobs that wait for nothing any more, or for what cannot come: their parents have ended as they want, or
 * are gone, which RQ takes for finished; or one is gone that is known to have ended otherwise; or nobody knows
 * what they wait for.
 */
export const judgeDeferred = async (redis: Redis, ids: readonly string[]): Promise<Suspicion[]> => {
  const found: Suspicion[] = [];
  for await (const part of readHashes(redis, ids)) {
    for (const [id, hash] of part) {
      if (typeof hash === 'string' || hash.fields.status !== 'deferred') continue;
      const fact = await factOf(redis, id, hash, found);
      if (fact === null) continue;
      const isFree = fact.startsWith('none') && Boolean(hash.fields.origin);
      found.push({
        code: 'A13',
        id,
        queue: hash.fields.origin || null,
        fact: `A13 ${fact}`,
        seen: `status deferred, and ${fact}`,
        remedy: isFree ? 'put on its queue' : null,
        mend: isFree ? { verb: 'free', args: [] } : null,
      });
    }
  }
  return found;
};

/** What is wrong; `null` while it rightly waits. */
const factOf = async (
  redis: Redis,
  id: string,
  hash: HashView,
  odd: Suspicion[],
): Promise<string | null> => {
  const { allow_dependency_failures: allowed, x_unmet: unmet = '' } = hash.fields;
  const key = keys.dependencies(id);
  const listed = await tolerate(odd, null, key, members(redis, key));
  const parents = listed.length > 0 ? listed : idsIn(hash.fields.dependency_ids ?? '');
  if (parents.length === 0) return 'nobody knows what it waits for';
  const lost: string[] = [];
  for await (const part of readHashes(redis, parents)) {
    for (const [parent, view] of part) {
      const status = typeof view === 'object' ? view.fields.status : undefined;
      if (status === undefined) {
        if (unmet.split(' ').includes(parent)) lost.push(parent);
      } else if (status !== 'finished' && !(status === 'failed' && allowed === '1')) {
        return null;
      }
    }
  }
  if (lost.length > 0) return `${lost[0]} is gone, which did not finish`;
  return `none of the ${parents.length} that it waits for is unfinished`;
};

// A long list is cut where it is read: then nothing is known.
const idsIn = (text: string): string[] => {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.filter((id) => typeof id === 'string') : [];
  } catch {
    return [];
  }
};
