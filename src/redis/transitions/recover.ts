import type { Redis } from 'ioredis';
import { keys, prefixes } from '../keys.js';
import { type Argument, loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const leases = loadScript('recover');
const intermediate = loadScript('recover-intermediate');
const leaks = loadScript('drop-leaks');

/** Longer than the clocks of a fleet differ; a living execution of RQ's has twice as long to go. */
const leakSeconds = 30;
const leaksAtOnce = 200;

/** An execution that nobody seems to hold any more, as it was seen. */
export interface OverdueLease {
  /** `<id>:<execution>`, or what else somebody wrote into `rq:wip`. */
  member: Buffer;
  /** The score exactly as Redis gave it: that of its worker's lease, or its own in `rq:wip`. */
  score: string;
  kind: 'worker' | 'job';
}

export type RecoverVerdict = 'recovered' | 'handedBack' | 'quarantined' | 'skipped' | 'dropped';
const verdicts: Record<string, RecoverVerdict> = {
  r: 'recovered',
  b: 'handedBack',
  q: 'quarantined',
  s: 'skipped',
  d: 'dropped',
};

/** Length of the worker's tag that every execution id begins with. */
export const tagLength = 12;

/** Executions of a queue that are overdue by the clock of Redis. Reads only; at most 1000 of each kind. */
export const overdueLeases = async (redis: Redis, queue: string): Promise<OverdueLease[]> => {
  const [seconds, micros] = await redis.time();
  const nowMs = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  const jobs = await scored(redis, keys.wip(queue), 0, Number(seconds));
  const found: OverdueLease[] = jobs.map(([member, score]) => ({ member, score, kind: 'job' }));
  const dead = new Map(
    (await scored(redis, keys.leases(queue), '-inf', nowMs)).map(([tag, score]) => [
      String(tag),
      score,
    ]),
  );
  if (dead.size === 0) return found;
  for (const member of (await redis.callBuffer('ZRANGE', keys.wip(queue), 0, 999)) as Buffer[]) {
    const start = member.indexOf(':') + 1;
    const score =
      start > 0 ? dead.get(member.toString('latin1', start, start + tagLength)) : undefined;
    if (score !== undefined) found.push({ member, score, kind: 'worker' });
  }
  return found;
};

/** Forgets workers whose lease ran out longer than a day ago. Nothing of theirs can be left by then. */
export const forgetLeases = async (redis: Redis, queue: string): Promise<void> => {
  const [seconds] = await redis.time();
  await redis.zremrangebyscore(keys.leases(queue), '-inf', (Number(seconds) - 86_400) * 1000);
};

const scored = async (
  redis: Redis,
  key: string,
  from: number | string,
  to: number,
): Promise<Array<[Buffer, string]>> => {
  const flat = (await redis.callBuffer(
    'ZRANGEBYSCORE',
    key,
    from,
    to,
    'WITHSCORES',
    'LIMIT',
    0,
    1000,
  )) as Buffer[];
  const found: Array<[Buffer, string]> = [];
  for (let i = 0; i + 1 < flat.length; i += 2) found.push([flat[i] as Buffer, String(flat[i + 1])]);
  return found;
};

/** Takes jobs away from executions whose lease is over. One caller wins; a lease that moved is skipped. */
export const recover = async (
  redis: Redis,
  queue: string,
  overdue: readonly OverdueLease[],
  settings: WireSettings,
): Promise<RecoverVerdict[]> => {
  const args: Argument[] = [
    prefixes.job,
    prefixes.executions,
    prefixes.execution,
    settings.eventLogLength,
    settings.failureTtlSeconds,
    settings.maxRecoveries,
    overdue.length,
  ];
  for (const { member, score, kind } of overdue) args.push(member, score, kind);
  const scriptKeys = [
    keys.queue(queue),
    keys.wip(queue),
    keys.leases(queue),
    keys.failed(queue),
    keys.scheduled(queue),
    keys.events(queue),
    keys.failedQueue,
    keys.queues,
  ];
  const reply = await runScript(redis, leases, scriptKeys, args);
  return Array.from(String(reply), (letter) => verdicts[letter] as RecoverVerdict);
};

/** Brings an id back from the in-flight list to the head of its queue, unless it is being run. */
export const recoverIntermediate = async (
  redis: Redis,
  queue: string,
  id: Buffer,
): Promise<boolean> => {
  const scriptKeys = [keys.intermediate(queue), keys.queue(queue), keys.wip(queue)];
  const args = [prefixes.job, prefixes.executions, id, prefixes.firstSeen];
  return (await runScript(redis, intermediate, scriptKeys, args)) === 1;
};

/** Removes executions from `rq:wip` whose jobs have ended, before a cleaner of Python's fails the job by them. Answers how many. */
export const dropLeaks = async (redis: Redis, queue: string): Promise<number> =>
  (await runScript(redis, leaks, [keys.wip(queue)], [leakSeconds, leaksAtOnce])) as number;
