import type { Redis } from 'ioredis';
import { keys, prefixes } from '../keys.js';
import { type Argument, loadScript, runScript } from '../scripts.js';
import { readServerClock } from '../server-clock.js';
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
  /** The score exactly as Redis gave it: that of its worker's lease, or its own in `rq:wip`; of a stray the time it began. */
  score: string;
  /** Whose lease is over. A `stray` has none any more. */
  kind: 'worker' | 'job' | 'stray';
}

/** An id that was popped and not yet begun. */
export interface InFlight {
  id: Buffer;
  /** What its job says of its enqueueing, as it stands there; empty where it says nothing. Another stay in flight has another. */
  enqueuedAt: string;
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

/** What lies in a queue and may have been left by the dead. */
export interface Suspects {
  /** Executions that are overdue by the clock of Redis; at most 1000 of each kind. */
  overdue: OverdueLease[];
  /** What lies in the in-flight list, oldest first; at most 100. */
  inFlight: InFlight[];
  /** Something runs, or says so. */
  hasRunning: boolean;
  /** Some jobs wait for others, here or, where many were freed at a time, anywhere. */
  hasDeferred: boolean;
}

/**
 * Looks at many queues at once: two round trips when all is well. Answers for each queue what it saw, or why it
 * could not look. Reads only.
 *
 * @throws what the connection throws
 */
export const suspectsIn = async (
  redis: Redis,
  queues: readonly string[],
): Promise<Array<Suspects | Error>> => {
  const { seconds, ms } = await readServerClock(redis);
  const looks = redis.pipeline();
  for (const queue of queues) {
    looks.callBuffer('ZRANGEBYSCORE', keys.wip(queue), 0, seconds, ...mostScored);
    // The latest first: tags of the dead stay for a day, and what the older ones held was dealt with before.
    looks.callBuffer('ZREVRANGEBYSCORE', keys.leases(queue), Math.floor(ms), '-inf', ...mostScored);
    looks.callBuffer('LRANGE', keys.intermediate(queue), 0, 99);
    looks.exists(keys.wip(queue));
    looks.exists(keys.deferred(queue), keys.ready(queue), keys.unfreed);
  }
  const replies = (await looks.exec()) ?? [];
  return Promise.all(
    queues.map(async (queue, index) => {
      const own = replies.slice(index * 5, index * 5 + 5);
      const failed = own.find(([error]) => error);
      if (failed) return failed[0] as Error;
      const [jobs, workers, inFlight, running, deferred] = own.map(([, reply]) => reply) as [
        Buffer[],
        Buffer[],
        Buffer[],
        number,
        number,
      ];
      const overdue = scored(jobs).map(([member, score]) => ({
        member,
        score,
        kind: 'job' as const,
      }));
      return {
        overdue: [...overdue, ...(await heldBy(redis, queue, scored(workers)))],
        inFlight: await withEnqueuedAt(redis, inFlight),
        hasRunning: running > 0,
        hasDeferred: deferred > 0,
      };
    }),
  );
};

const mostScored = ['WITHSCORES', 'LIMIT', 0, 1_000];

const scored = (flat: readonly Buffer[]): Array<[Buffer, string]> =>
  flat.flatMap((member, at) =>
    at % 2 === 0 ? [[member, String(flat[at + 1])] as [Buffer, string]] : [],
  );

const heldBy = async (
  redis: Redis,
  queue: string,
  workers: ReadonlyArray<[Buffer, string]>,
): Promise<OverdueLease[]> => {
  if (workers.length === 0) return [];
  const dead = new Map(workers.map(([tag, score]) => [String(tag), score]));
  const members = (await redis.callBuffer('ZRANGE', keys.wip(queue), 0, 999)) as Buffer[];
  return members.flatMap((member) => {
    const start = member.indexOf(':') + 1;
    const score =
      start > 0 ? dead.get(member.toString('latin1', start, start + tagLength)) : undefined;
    return score === undefined ? [] : [{ member, score, kind: 'worker' as const }];
  });
};

const withEnqueuedAt = async (redis: Redis, ids: readonly Buffer[]): Promise<InFlight[]> => {
  if (ids.length === 0) return [];
  const looks = redis.pipeline();
  for (const id of ids)
    looks.hgetBuffer(Buffer.from(keys.job(id.toString('latin1')), 'latin1'), 'enqueued_at');
  const replies = (await looks.exec()) ?? [];
  // A job that is no hash says nothing: the claim judges it. Whatever bytes it says come back to be compared as they are.
  const latin1 = (said: unknown): string => (Buffer.isBuffer(said) ? said.toString('latin1') : '');
  return ids.map((id, at) => ({ id, enqueuedAt: latin1(replies[at]?.[1]) }));
};

/** Forgets workers whose lease ran out longer than a day ago. Nothing of theirs can be left by then. */
export const forgetLeases = async (redis: Redis, queue: string): Promise<void> => {
  const { seconds } = await readServerClock(redis);
  await redis.zremrangebyscore(keys.leases(queue), '-inf', (seconds - 86_400) * 1_000);
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

/** How long an id lies in flight before it counts as stuck there: longer than a claim takes, and shorter than Python's cleaners wait. */
export const inFlightForMs = ({ narrowLeaseMs }: Pick<WireSettings, 'narrowLeaseMs'>): number =>
  Math.ceil(Math.min(10_000, narrowLeaseMs / 3));

/** Brings an id back from the in-flight list to the head of its queue, unless it is being run, or was brought back or enqueued just now. */
export const recoverIntermediate = async (
  redis: Redis,
  queue: string,
  { id, enqueuedAt }: InFlight,
  settings: WireSettings,
): Promise<boolean> => {
  const scriptKeys = [
    keys.intermediate(queue),
    keys.queue(queue),
    keys.wip(queue),
    keys.events(queue),
  ];
  const { job, firstSeen, broughtBack } = prefixes;
  const marks = [job, id, firstSeen, broughtBack];
  const args: Argument[] = [...marks, inFlightForMs(settings), settings.eventLogLength];
  args.push(Buffer.from(enqueuedAt, 'latin1'));
  return (await runScript(redis, intermediate, scriptKeys, args)) === 1;
};

/** Removes executions from `rq:wip` whose jobs have ended, before a cleaner of Python's fails the job by them. Answers how many. */
export const dropLeaks = async (redis: Redis, queue: string): Promise<number> =>
  (await runScript(redis, leaks, [keys.wip(queue)], [leakSeconds, leaksAtOnce])) as number;
