import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import { isWrongType } from '../wrong-type.js';
import { bytes, readSortedSet } from './chunks.js';
import type { Mend, Suspicion } from './finding.js';
import type { HashView } from './job-view.js';
import { readAll, readHashes, type Survey, tolerate } from './survey.js';

/** Values are cut where they are read. */
const longestSeen = 300;

type Report = (fact: string, remedy: string, mend: Mend, id?: string, hash?: HashView) => void;

/**
 * Rate limits whose books do not agree with the jobs: slots that nobody holds, places of jobs that do not wait, jobs that
 * wait although slots are free, limits that no sweep knows. More slots than the limit allows are no fact: a limit that was
 * lowered takes nothing back. Living workers mend most of it within seconds.
 */
export const judgeLimits = async (
  redis: Redis,
  { names, places }: Survey,
): Promise<Suspicion[]> => {
  const found: Suspicion[] = [];
  const report: Report = (fact, remedy, mend, id, hash) => {
    const queue = hash?.fields.origin || null;
    const text = `A21 ${fact}`;
    found.push({ code: 'A21', id: id ?? null, queue, fact: text, seen: fact, remedy, mend });
  };
  const isRunning = (id: string): boolean => (places.get(id)?.leases.length ?? 0) > 0;
  for (const key of names.limits) {
    await judgeBooks(redis, key, report);
    const read = (name: string) =>
      tolerate(found, null, name, readAll(readSortedSet(redis, name))).then((entries) =>
        entries.map(([id]) => id),
      );
    const of = (fields: HashView['fields']) =>
      fields.rate_limit_key === key.slice(0, longestSeen) ? null : 'is of another limit';
    await judgeMembers(redis, await read(keys.allowed(key)), (id, hash) => {
      const why = whyNot(hash, ({ status, ...fields }) => {
        const isHeld = status === 'queued' || status === 'started';
        // Its worker has not seen to it yet.
        const isEnding = status === 'canceled' && isRunning(id);
        return isHeld || isEnding ? of(fields) : `has status ${status}`;
      });
      if (why === null) return;
      const mend = { verb: 'sweepLimit', args: [key] };
      report(`${id} holds a slot of ${key}, and ${why}`, 'given to the next', mend, id, seen(hash));
    });
    await judgeMembers(redis, await read(keys.rateLimited(key)), (id, hash) => {
      const why = whyNot(hash, ({ status, ...fields }) =>
        status === 'rate_limited' ? of(fields) : `has status ${status}`,
      );
      if (why === null) return;
      const mend = { verb: 'unwait', args: [key] };
      report(`${id} waits for a slot of ${key}, and ${why}`, 'taken out', mend, id, seen(hash));
    });
  }
  return found;
};

/** Jobs that say they wait for a slot, and that nobody will let through. */
export const judgeLimited = async (redis: Redis, ids: readonly string[]): Promise<Suspicion[]> => {
  const found: Suspicion[] = [];
  for await (const part of readHashes(redis, ids)) {
    for (const [id, hash] of part) {
      if (typeof hash === 'string' || hash.fields.status !== 'rate_limited') continue;
      const { rate_limit_key: key, origin } = hash.fields;
      // Cut: nobody can tell.
      if (key && key.length >= longestSeen) continue;
      const place = key ? keys.rateLimited(key) : '';
      const score = key ? await redis.zscore(bytes(place), bytes(id)).catch(ofWrongType) : null;
      if (score !== null) continue;
      const fact = key ? `status rate_limited, and ${place} has it not` : 'no field says for what';
      found.push({
        code: 'A21',
        id,
        queue: origin || null,
        fact: `A21 ${fact}`,
        seen: fact,
        remedy: key ? 'entered there' : null,
        mend: key ? { verb: 'awaitSlot', args: [key] } : null,
      });
    }
  }
  return found;
};

const judgeBooks = async (redis: Redis, key: string, report: Report): Promise<void> => {
  // At one moment: in between others come and go.
  const replies = await redis
    .multi()
    .sismember(keys.rateLimits, bytes(key))
    .hget(bytes(keys.rateLimit(key)), 'concurrency')
    .zcard(bytes(keys.allowed(key)))
    .zcard(bytes(keys.rateLimited(key)))
    .exec();
  // Told with the other keys of a wrong type.
  if (!replies || replies.some(([error]) => error)) return;
  const [isListed, concurrency, held, waiting] = replies.map(([, reply]) => reply) as [
    number,
    string | null,
    number,
    number,
  ];
  const sweep = { verb: 'sweepLimit', args: [key] };
  if (held + waiting === 0) {
    report(`${key} has no jobs, and is kept`, 'forgotten', sweep);
  } else if (isListed === 0) {
    const mend = { verb: 'nameLimit', args: [key] };
    report(`${keys.rateLimits} does not know ${key}, which has jobs`, 'made known', mend);
  } else if (waiting > 0 && (concurrency === null || held < Number(concurrency))) {
    report(`jobs wait for ${key}, which has free slots`, 'let through', sweep);
  }
};

type AnyHash = HashView | 'missing' | 'wrongType';

const judgeMembers = async (
  redis: Redis,
  ids: readonly string[],
  judge: (id: string, hash: AnyHash) => void,
): Promise<void> => {
  for await (const part of readHashes(redis, ids)) for (const [id, hash] of part) judge(id, hash);
};

const whyNot = (
  hash: AnyHash,
  judge: (fields: HashView['fields']) => string | null,
): string | null => (typeof hash === 'string' ? 'there is no such job' : judge(hash.fields));

const seen = (hash: AnyHash): HashView | undefined => (typeof hash === 'string' ? undefined : hash);

const ofWrongType = (error: Error): null => {
  if (isWrongType(error)) return null;
  throw error;
};
