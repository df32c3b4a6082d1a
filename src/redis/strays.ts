import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { keys, prefixes, queueNameOf } from './keys.js';
import { scanKeys } from './scan.js';
import { loadScript, runScript } from './scripts.js';
import { readServerClock } from './server-clock.js';
import { fromTimestamp } from './timestamp.js';
import type { OverdueLease } from './transitions/recover.js';
import { isWrongType } from './wrong-type.js';

/** A job that says it runs, or is claimed, and that no lease speaks for. */
export interface Stray {
  queue: string;
  lease: OverdueLease;
}

const pickRunning = loadScript('pick-running');

/** Redis is held for a quarter of a millisecond by so many. */
const keysAtOnce = 100;
/** It reads every job, and nobody waits for it: the jobs that run meanwhile go first, here and at Redis. */
const restsPerStep = 15;
/** Of what a page waited for an answer it need not rest. */
const longestRestMs = 50;
/** One worker of a Redis looks so often: it reads the status of every job. */
const sweepEverySeconds = 3_600;
/** Whoever has the turn and is not heard of for so long has lost it: another begins anew. */
const turnSeconds = 60;
const keepTurnEveryMs = 10_000;

/** Whether it is our turn to look for strays. */
export const takeSweep = async (redis: Redis): Promise<boolean> =>
  (await redis.set(keys.sweep, '1', 'EX', turnSeconds, 'NX')) !== null;

/**
 * Jobs that began longer than a wide lease ago and that are in no `rq:wip`. Reads only, in small steps, and rests nearly
 * all of the time; keeps the turn meanwhile, and for an hour when it came to its end. What it finds may be on its way
 * somewhere: only what a second look finds again is a stray.
 */
export const findStrays = async (
  redis: Redis,
  wideLeaseSeconds: number,
  signal: AbortSignal,
): Promise<Stray[]> => {
  const { seconds } = await readServerClock(redis);
  const beforeMs = (seconds - wideLeaseSeconds) * 1_000;
  const seen = new Map<string, Stray>();
  let sinceMs = performance.now();
  let keptAtMs = sinceMs;
  for await (const names of scanKeys(redis, `${prefixes.job}*`, keysAtOnce)) {
    for (const stray of await unheldOf(redis, names.map(String), beforeMs))
      seen.set(`${stray.queue} ${stray.lease.member.toString()}`, stray);
    if (performance.now() - keptAtMs > keepTurnEveryMs) {
      await redis.expire(keys.sweep, turnSeconds);
      keptAtMs = performance.now();
    }
    await rest(Math.min(restsPerStep * (performance.now() - sinceMs), longestRestMs), signal);
    if (signal.aborted) return [];
    sinceMs = performance.now();
  }
  const strays = await notHeld(redis, [...seen.values()]);
  await redis.expire(keys.sweep, sweepEverySeconds);
  return strays;
};

// Ends at once when the worker stops.
const rest = (ms: number, signal: AbortSignal): Promise<void> =>
  pause(ms, undefined, { signal }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error;
  });

/** Those of the jobs that no registry holds. An id may be held by another queue than its own. */
export const notHeld = async (redis: Redis, jobs: readonly Stray[]): Promise<Stray[]> => {
  if (jobs.length === 0) return [];
  const queues = (await redis.smembers(keys.queues))
    .map(queueNameOf)
    .filter((name) => name !== null);
  const all = new Set([...queues, ...jobs.map(({ queue }) => queue)]);
  const held = new Set<string>();
  for (const queue of all) {
    const members = await redis.zrange(keys.wip(queue), '0', '-1').catch(ofWrongType);
    for (const member of members) held.add(member.split(':')[0] as string);
  }
  return jobs.filter(({ lease }) => !held.has(lease.member.toString().split(':')[0] as string));
};

const unheldOf = async (redis: Redis, names: string[], beforeMs: number): Promise<Stray[]> => {
  const ids = names
    .map((name) => name.slice(prefixes.job.length))
    .filter((id) => /^[A-Za-z0-9_-]{1,200}$/.test(id));
  if (ids.length === 0) return [];
  const rows = (await runScript(redis, pickRunning, ids.map(keys.job), [])) as Array<
    Buffer | number | null
  >;
  const strays: Stray[] = [];
  for (let at = 0; at < rows.length; at += 6) {
    const id = ids[(rows[at] as number) - 1] as string;
    const [status, queue, held, startedAt, enqueuedAt] = rows
      .slice(at + 1, at + 6)
      .map((value) => (value === null ? null : String(value)));
    const isAhead = status === 'queued';
    const since = isAhead ? enqueuedAt : startedAt;
    const sinceMs = fromTimestamp(since ?? undefined)?.getTime();
    if (!queue || !since || sinceMs === undefined || sinceMs >= beforeMs) continue;
    const member = Buffer.from(isAhead ? `${id}:${held}` : id);
    strays.push({ queue, lease: { member, score: since, kind: 'stray' } });
  }
  return strays;
};

const ofWrongType = (error: Error): string[] => {
  if (isWrongType(error)) return [];
  throw error;
};
