import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import type { Suspicion } from './finding.js';
import { members, readHashes, tolerate } from './survey.js';

/**
 * Deferred jobs whose dependencies have all finished, or are gone, which RQ takes for finished. Releasing them
 * is Python's: only it knows its callbacks and options.
 */
export const judgeDeferred = async (redis: Redis, ids: readonly string[]): Promise<Suspicion[]> => {
  const found: Suspicion[] = [];
  for (const id of ids) {
    const key = keys.dependencies(id);
    const dependencies = await tolerate(found, null, key, members(redis, key));
    const waitsFor: string[] = [];
    for await (const part of readHashes(redis, dependencies)) {
      for (const [dependency, hash] of part) {
        if (typeof hash === 'object' && hash.fields.status !== 'finished')
          waitsFor.push(dependency);
      }
    }
    if (waitsFor.length > 0) continue;
    const fact = `status deferred, and none of its ${dependencies.length} dependencies is unfinished`;
    found.push({
      code: 'A13',
      id,
      queue: null,
      fact: `A13 ${fact}`,
      seen: fact,
      remedy: null,
      mend: null,
    });
  }
  return found;
};
