import type { Redis } from 'ioredis';
import { keys, prefixes } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import { isWrongType } from '../wrong-type.js';
import { bytes, readList, readSortedSet, scanNames } from './chunks.js';
import type { Suspicion } from './finding.js';
import { fieldNames, type HashView, noPlaces, type Places, registries } from './job-view.js';

const readJobs = loadScript('../audit/read-jobs');
const jobsAtOnce = 200;

/** Names of keys, sorted by what they are; bytes as latin1. */
export interface Names {
  jobIds: Set<string>;
  queues: Set<string>;
  executions: Set<string>;
  results: Set<string>;
  workers: Set<string>;
  /** Of ours, or of cron's, which should expire or be bounded. */
  helpers: Set<string>;
  /** Names under `rxrq:` that are none of ours. */
  strangers: Set<string>;
  /** Keys of rate limits, as jobs name them. */
  limits: Set<string>;
  /** Queues with a limit of starts. */
  startLimits: Set<string>;
  groups: Set<string>;
  /** Queues of our cron entries. */
  cronQueues: Set<string>;
}

/** What stands in lists and registries. */
export interface Survey {
  names: Names;
  places: Map<string, Places>;
  /** By queue and tag, in milliseconds. */
  workerLeases: Map<string, number>;
  /** Keys of a wrong type. */
  odd: Suspicion[];
}

export const leaseName = (queue: string, execution: string): string =>
  `${queue} ${execution.slice(0, 12)}`;

/** One look at all names, lists and registries. Reads only, in chunks. */
export const survey = async (redis: Redis): Promise<Survey> => {
  const names = await sortNames(redis);
  const found: Survey = { names, places: new Map(), workerLeases: new Map(), odd: [] };
  for (const queue of names.queues) await lookAtQueue(redis, queue, found);
  const failed = await tolerate(
    found.odd,
    null,
    keys.failedQueue,
    readAll(readList(redis, keys.failedQueue)),
  );
  // Entries of jobs that have not failed any more are leftovers of Python's requeue, dropped when met.
  for (const id of failed) {
    const places = found.places.get(id);
    if (places) places.inFailedQueue += 1;
  }
  return found;
};

const lookAtQueue = async (redis: Redis, queue: string, found: Survey): Promise<void> => {
  const at = (id: string): Places => {
    const known = found.places.get(id);
    if (known) return known;
    const places = noPlaces();
    found.places.set(id, places);
    return places;
  };
  const list = keys.queue(queue);
  for (const id of await tolerate(found.odd, queue, list, readAll(readList(redis, list))))
    at(id).waiting.push(queue);
  const flying = keys.intermediate(queue);
  for (const id of await tolerate(found.odd, queue, flying, readAll(readList(redis, flying))))
    at(id).inFlight.push(queue);
  const leases = keys.leases(queue);
  for (const [tag, score] of await tolerate(
    found.odd,
    queue,
    leases,
    readAll(readSortedSet(redis, leases)),
  )) {
    found.workerLeases.set(leaseName(queue, tag), Number(score));
  }
  const wip = keys.wip(queue);
  for (const [member, score] of new Map(
    await tolerate(found.odd, queue, wip, readAll(readSortedSet(redis, wip))),
  )) {
    const colon = member.indexOf(':');
    const [id, execution] =
      colon < 0 ? [member, ''] : [member.slice(0, colon), member.slice(colon + 1)];
    at(id).leases.push({ queue, execution, member, score });
  }
  for (const registry of registries) {
    const key = keys[registry](queue);
    for (const [id, score] of new Map(
      await tolerate(found.odd, queue, key, readAll(readSortedSet(redis, key))),
    )) {
      at(id).registered.push({ registry, queue, score });
    }
  }
};

/** Hashes of jobs, in chunks, as they were at that moment. */
export const readHashes = async function* (
  redis: Redis,
  ids: Iterable<string>,
): AsyncGenerator<Array<[id: string, hash: HashView | 'missing' | 'wrongType']>> {
  let part: string[] = [];
  for (const id of ids) {
    part.push(id);
    if (part.length < jobsAtOnce) continue;
    yield await readPart(redis, part);
    part = [];
  }
  if (part.length > 0) yield await readPart(redis, part);
};

const readPart = async (
  redis: Redis,
  ids: readonly string[],
): Promise<Array<[string, HashView | 'missing' | 'wrongType']>> => {
  const args = [prefixes.job, fieldNames.length, ...fieldNames, ...ids.map(bytes)];
  const rows = (await runScript(redis, readJobs, [], args)) as HashRow[];
  return ids.map((id, at) => [id, toHashView(rows[at] as HashRow)]);
};

/** A hash as the scripts give it. */
export type HashRow = number | Array<number | Buffer | null>;

export const toHashView = (row: HashRow): HashView | 'missing' | 'wrongType' => {
  if (typeof row === 'number') return row === 0 ? 'missing' : 'wrongType';
  const [data, expiresInMs, ...values] = row;
  const fields: Record<string, string> = {};
  values.forEach((value, n) => {
    if (value) fields[fieldNames[n] as string] = (value as Buffer).toString('latin1');
  });
  return { fields, hasData: data === 1, expiresInMs: expiresInMs as number };
};

/** What was read, or nothing and a suspicion when the key has another type. */
export const tolerate = async <T>(
  odd: Suspicion[],
  queue: string | null,
  key: string,
  reading: Promise<T[]>,
): Promise<T[]> => {
  try {
    return await reading;
  } catch (error) {
    if (!isWrongType(error)) throw error;
    const fact = `${key} has a wrong type`;
    odd.push({
      code: 'A9',
      id: null,
      queue,
      fact: `A9 ${fact}`,
      seen: fact,
      remedy: null,
      mend: null,
    });
    return [];
  }
};

export const readAll = async <T>(chunks: AsyncIterable<T[]>): Promise<T[]> => {
  const all: T[] = [];
  for await (const part of chunks) for (const one of part) all.push(one);
  return all;
};

const ofQueues = [
  ...['wip', ...registries].map((kind) => `rq:${kind}:`),
  prefixes.events,
  'rxrq:leases:',
];

const sortNames = async (redis: Redis): Promise<Names> => {
  const names: Names = {
    jobIds: new Set(),
    queues: new Set(),
    executions: new Set(),
    results: new Set(),
    workers: new Set(),
    helpers: new Set(),
    strangers: new Set(),
    limits: new Set(),
    startLimits: new Set(),
    groups: new Set(),
    cronQueues: new Set(),
  };
  const limits = await tolerate([], null, keys.rateLimits, members(redis, keys.rateLimits));
  for (const key of limits) names.limits.add(key);
  for (const member of await tolerate([], null, keys.queues, members(redis, keys.queues))) {
    if (member.startsWith(prefixes.queue)) addQueue(names, member.slice(prefixes.queue.length));
  }
  for await (const part of scanNames(redis)) for (const name of part) sortName(names, name);
  return names;
};

export const members = async (redis: Redis, key: string): Promise<string[]> =>
  ((await redis.callBuffer('SMEMBERS', bytes(key))) as Buffer[]).map((member) =>
    member.toString('latin1'),
  );

const addQueue = (names: Names, queue: string): void => {
  if (queue !== 'failed' && !queue.endsWith(':intermediate') && !queue.startsWith('_compact:'))
    names.queues.add(queue);
};

const helperPrefixes = [
  ...['rxrq:reply:', 'rq:clean_registries:', prefixes.mailbox, prefixes.answer, prefixes.starts],
  ...[prefixes.cron, prefixes.cronScheduler, prefixes.cronHistory, prefixes.schedulerLock],
];
// All that `keys.ts` names begins so, or is called so.
const ownNames = [...Object.values(keys), ...Object.values(prefixes)].map((name) => {
  const make = name as string | ((...parts: string[]) => string);
  return typeof make === 'string' ? make : (make('\0', '\0').split('\0', 1)[0] as string);
});
const isOwn = (name: string): boolean =>
  ownNames.some((own) => name === own || (own.endsWith(':') && name.startsWith(own)));

const locks: ReadonlySet<string> = new Set([keys.sweep, keys.sweepingLimits, keys.pruningGroups]);

const addRest = (names: Set<string>, rest: string | null): void => {
  if (rest !== null) names.add(rest);
};

const sortName = (names: Names, name: string): void => {
  const rest = (prefix: string): string | null =>
    name.startsWith(prefix) ? name.slice(prefix.length) : null;
  if (name.startsWith('rxrq:') && !isOwn(name)) names.strangers.add(name);
  const jobId = rest(prefixes.job);
  if (jobId !== null) {
    if (!jobId.endsWith(':dependents') && !jobId.endsWith(':dependencies')) names.jobIds.add(jobId);
    return;
  }
  if (rest(prefixes.executions) !== null || rest(prefixes.execution) !== null)
    names.executions.add(name);
  else if (rest(prefixes.results) !== null) names.results.add(name);
  else if (rest(prefixes.worker) !== null && !name.endsWith(':executions')) names.workers.add(name);
  else if (
    isOfOneInFlight(name) ||
    helperPrefixes.some((prefix) => name.startsWith(prefix)) ||
    locks.has(name)
  ) {
    names.helpers.add(name);
  }
  const limit = rest(prefixes.rateLimit)?.replace(/:(allowed|rate_limited)$/, '');
  if (limit !== undefined) names.limits.add(limit);
  addRest(names.startLimits, rest(prefixes.startLimit));
  addRest(names.groups, rest(prefixes.group));
  addRest(names.cronQueues, rest(prefixes.cron));
  const queue = rest(prefixes.queue) ?? ofQueues.map(rest).find((found) => found !== null);
  if (queue != null && !isOfOneInFlight(name)) addQueue(names, queue);
};

/** Marks of one id behind the name of an in-flight list. */
const isOfOneInFlight = (name: string): boolean =>
  name.includes(prefixes.firstSeen) || name.includes(prefixes.broughtBack);
