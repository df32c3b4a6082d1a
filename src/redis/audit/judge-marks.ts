import type { Redis } from 'ioredis';
import { keys, prefixes } from '../keys.js';
import { readServerClock } from '../server-clock.js';
import { bytes } from './chunks.js';
import type { Mend, Suspicion } from './finding.js';
import { pick } from './pick.js';
import { members, readHashes, type Survey, tolerate } from './survey.js';

/** A longer list of starts is not added up: it is read in one piece. */
const mostStarts = 10_000;
const aheadMs = 3_600_000;

/** What is wrong with groups, and with the marks and counts that only our own transitions keep. Reads only. */
export const judgeMarks = async (redis: Redis, { names }: Survey): Promise<Suspicion[]> => {
  const found: Suspicion[] = [];
  const report = (
    code: 'A22' | 'A23',
    fact: string,
    remedy: string | null,
    mend: Mend | null,
    queue: string | null = null,
  ): void => {
    found.push({ code, id: null, queue, fact: `${code} ${fact}`, seen: fact, remedy, mend });
  };

  const listed = new Set(await tolerate(found, null, keys.groups, members(redis, keys.groups)));
  const unlisted = [...names.groups].filter((name) => !listed.has(name)).map(keys.group);
  // Ids of jobs that are gone are pruned by workers, at most every nine minutes: nothing to tell.
  for (const set of await pick(redis, 'scard', unlisted, (size) => Number(size) > 0)) {
    const name = set.slice(prefixes.group.length);
    const mend = { verb: 'nameGroup', args: [name] };
    report('A22', `${keys.groups} does not know ${name}, which has jobs`, 'made known', mend);
  }

  for (const [parent, place] of await tolerate(found, null, keys.unfreed, unfreed(redis))) {
    const fact = `dependents of ${parent} are to be freed from ${place} on, and nobody goes on`;
    report('A23', fact, 'freed', { verb: 'freeMore', args: [] });
  }

  for (const queue of names.startLimits) {
    const limit = keys.startLimit(queue);
    const [fact, mend] = (await judgeStarts(redis, queue)) ?? [];
    if (fact) report('A23', `${limit} ${fact}`, mend ? 'counted anew' : null, mend ?? null, queue);
  }

  const { ms: nowMs } = await readServerClock(redis);
  for (const queue of names.cronQueues) {
    const key = keys.cron(queue);
    for (const [name, mark] of await tolerate(found, queue, key, hash(redis, key))) {
      const dueMs = /^(\d{1,15}) \S+$/.exec(mark)?.[1];
      if (dueMs !== undefined && Number(dueMs) <= nowMs + aheadMs) continue;
      const mend = { verb: 'dropMark', args: [key, name, mark] };
      report(
        'A23',
        `${key} has for ${name} the mark ${mark}`,
        'taken for none, as cron does',
        mend,
      );
    }
  }
  return found;
};

/** Jobs that name a group which is not there: Python cannot delete them. */
export const judgeGrouped = async (redis: Redis, ids: readonly string[]): Promise<Suspicion[]> => {
  const found: Suspicion[] = [];
  for await (const part of readHashes(redis, ids)) {
    const jobs = part.flatMap(([id, view]) =>
      typeof view === 'object' && view.fields.group_id ? [{ id, ...view.fields }] : [],
    );
    const sets = [...new Set(jobs.map(({ group_id }) => keys.group(group_id as string)))];
    const missing = new Set(await pick(redis, 'exists', sets, (exists) => exists === 0));
    for (const { id, group_id: group = '', origin } of jobs) {
      if (!missing.has(keys.group(group))) continue;
      const fact = `it names group ${group}, which is not there`;
      const mend = { verb: 'joinGroup', args: [group] };
      const queue = origin || null;
      const remedy = 'entered there';
      found.push({ code: 'A22', id, queue, fact: `A22 ${fact}`, seen: fact, remedy, mend });
    }
  }
  return found;
};

const judgeStarts = async (redis: Redis, queue: string): Promise<[string, Mend?] | null> => {
  const [limit, starts] = [keys.startLimit(queue), keys.starts(queue)];
  if ((await redis.llen(bytes(starts)).catch(() => 0)) > mostStarts) return null;
  // At one moment: workers count on.
  const replies = await redis
    .multi()
    .hmget(bytes(limit), 'max', 'perMs', 'used')
    .lrange(bytes(starts), 0, -1)
    .exec();
  // Told with the other keys of a wrong type.
  if (!replies || replies.some(([error]) => error)) return null;
  const [[max, perMs, used], entries] = replies.map(([, reply]) => reply) as [
    Array<string | null>,
    string[],
  ];
  if (![max, perMs].every((text) => /^[1-9]\d{0,12}$/.test(text ?? '')))
    return [`says max ${max} in ${perMs} ms, and counts for nothing`];
  // Without an entry the next claim begins at 0.
  if (entries.length === 0) return null;
  const sum = entries.reduce(
    (all, entry) => all + (Number(/^\d+ (\d+)$/.exec(entry)?.[1]) || 0),
    0,
  );
  const over = (Number(used) || 0) - sum;
  if (over === 0) return null;
  const mend = { verb: 'countStarts', args: [limit, starts] };
  return [`counts ${Math.abs(over)} starts too ${over > 0 ? 'many' : 'few'}`, mend];
};

const unfreed = async (redis: Redis): Promise<Array<[string, string]>> => {
  const [, flat] = await redis.hscan(keys.unfreed, 0, 'COUNT', 1_000);
  return pairs(flat);
};

const hash = async (redis: Redis, key: string): Promise<Array<[string, string]>> => {
  const flat = (await redis.callBuffer('HGETALL', bytes(key))) as Buffer[];
  return pairs(flat.map((one) => one.toString('latin1')));
};

const pairs = (flat: readonly string[]): Array<[string, string]> =>
  flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] as string]] : []));
