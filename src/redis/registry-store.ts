import type { Redis } from 'ioredis';
import { InvalidOptionError } from './errors.js';
import { keys } from './keys.js';
import { loadScript, runScript } from './scripts.js';
import { readServerClock } from './server-clock.js';

const unregistering = loadScript('unregister');

/** RQ's registries of a queue: what is where, and which statuses belong there. */
export const registryKinds = {
  started: { key: keys.wip, statuses: ['started'] },
  finished: { key: keys.finished, statuses: ['finished'] },
  failed: { key: keys.failed, statuses: ['failed', 'stopped'] },
  deferred: { key: keys.deferred, statuses: ['deferred'] },
  scheduled: { key: keys.scheduled, statuses: ['scheduled'] },
  canceled: { key: keys.canceled, statuses: ['canceled'] },
  /** RQ 3's: dependents on their way to their queue. */
  ready: { key: keys.ready, statuses: ['ready_to_enqueue'] },
} as const;

export type RegistryKind = keyof typeof registryKinds;

/** An entry of a registry. */
export interface RegistryEntry {
  readonly jobId: string;
  /** Of the started registry: which attempt; empty where RQ 1.x wrote it, and everywhere else. */
  readonly execution: string;
  /** RQ's score, in seconds; `Infinity` and -1 are for ever. */
  readonly score: number;
  /** The score as a time; `null` for for ever. */
  readonly at: Date | null;
}

const entryOf = (member: string, score: number, kind: RegistryKind): RegistryEntry => {
  const [jobId = '', execution = ''] = kind === 'started' ? member.split(':', 2) : [member];
  const at = Number.isFinite(score) && score >= 0 ? new Date(Math.round(score * 1000)) : null;
  return { jobId, execution, score, at };
};

const scoreOf = (text: string): number =>
  text === 'inf'
    ? Number.POSITIVE_INFINITY
    : text === '-inf'
      ? Number.NEGATIVE_INFINITY
      : Number(text);

/** Entries in the order of their scores, or from the last on. @throws InvalidOptionError */
export const readEntries = async (
  redis: Redis,
  kind: RegistryKind,
  queue: string,
  offset: number,
  count: number,
  desc = false,
): Promise<RegistryEntry[]> => {
  if (count < 1) return [];
  checkPage(offset, count);
  const key = registryKinds[kind].key(queue);
  const range = [key, `${offset}`, `${offset + count - 1}`, 'WITHSCORES'] as const;
  const flat = await (desc ? redis.zrevrange(...range) : redis.zrange(...range));
  return entriesOf(flat, kind);
};

/** Entries of scheduled jobs that are due by then, the first one first; `null` is now, by the clock of Redis. @throws InvalidOptionError */
export const readDue = async (
  redis: Redis,
  queue: string,
  untilMs: number | null,
  offset: number,
  count: number,
): Promise<RegistryEntry[]> => {
  if (count < 1) return [];
  checkPage(offset, count);
  const until = untilMs === null ? await nowText(redis) : untilMs / 1_000;
  const key = keys.scheduled(queue);
  const range = [key, 0, until, 'WITHSCORES', 'LIMIT', offset, count] as const;
  return entriesOf(await redis.zrangebyscore(...range), 'scheduled');
};

const nowText = async (redis: Redis): Promise<string> => {
  const { seconds, micros } = await readServerClock(redis);
  return `${seconds}.${String(micros).padStart(6, '0')}`;
};

const checkPage = (offset: number, count: number): void => {
  for (const [option, value] of Object.entries({ offset, count }))
    if (!Number.isSafeInteger(value) || value < 0)
      throw new InvalidOptionError(option, 'it must be a whole number, 0 or more');
};

const entriesOf = (flat: readonly string[], kind: RegistryKind): RegistryEntry[] => {
  const entries: RegistryEntry[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2)
    entries.push(entryOf(flat[i] as string, scoreOf(flat[i + 1] as string), kind));
  return entries;
};

/** The entry of one job; `null` when there is none. */
export const findEntry = async (
  redis: Redis,
  kind: RegistryKind,
  queue: string,
  id: string,
): Promise<RegistryEntry | null> => {
  const key = registryKinds[kind].key(queue);
  const score = await redis.zscore(key, id);
  if (score !== null) return entryOf(id, scoreOf(score), kind);
  // Its members are executions, of which there are no more than jobs run at the same time.
  if (kind !== 'started') return null;
  const all = await readEntries(redis, kind, queue, 0, 1_000_000);
  return all.find(({ jobId }) => jobId === id) ?? null;
};

/**
 * Takes an id out of a registry where its job does not belong. Answers the job's status when it does, and nothing
 * was done; `removed`, or `''` when there was no such entry.
 */
export const unregister = async (
  redis: Redis,
  kind: RegistryKind,
  queue: string,
  id: string,
): Promise<string> => {
  const { key, statuses } = registryKinds[kind];
  const args = [id, kind === 'started' ? 1 : 0, ...statuses];
  return String(await runScript(redis, unregistering, [key(queue), keys.job(id)], args));
};
