import type { Redis } from 'ioredis';
import type { Due } from '../due.js';
import { DependencyCycleError, type NotReplicatedError, WrongKeyTypeError } from '../errors.js';
import { keys, prefixes } from '../keys.js';
import { type Argument, loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const script = loadScript('enqueue');
const scriptAfter = loadScript('enqueue-after');
const scriptLimited = loadScript('enqueue-limited');

/** A job as it is about to be written. */
export interface NewJob {
  id: string;
  data: Buffer | string;
  description: string;
  atFront: boolean;
  /** How long it may wait before it expires, in seconds; `null` is for ever. */
  ttlSeconds: number | null;
  /** Further fields of the hash and their values, in turn. */
  fields: ReadonlyArray<string | number | Buffer>;
  /** When it is to come to its queue. Default: at once. */
  due?: Due;
  /** What it waits for; with `due` from that time on. */
  after?: NewJobAfter;
  /** How many jobs of this key may run at a time. */
  limit?: RateLimit;
  /** Replicas that must confirm it. They are asked by the enqueuer alone. */
  replicas?: JobReplicas;
}

/** At most `concurrency` jobs of one `key` are queued or started at a time, whatever their queues; the others wait. */
export interface RateLimit {
  key: string;
  concurrency: number;
}

/** How many replicas must have a job, and for how long they are waited for. */
export interface ReplicaWait {
  replicas: number;
  timeoutMs: number;
}

/** What one job wants of them. */
export interface JobReplicas extends ReplicaWait {
  /** Whether also the job that has its id already is to be confirmed: it is taken for this one. */
  ofDuplicate: boolean;
}

/** Ids of other jobs, at least one; the job is deferred until they have ended as it wants. */
export interface NewJobAfter {
  ids: readonly string[];
  allowsFailure: boolean;
}

/**
 * `written`, also when it waits for others or for a slot; `same`: this very request was there (a repeated try), `duplicate`:
 * another job has the id; `refused`: the key of its group has a wrong type; an error: what is wrong otherwise. Of these
 * nothing was written, but of those that are not replicated.
 */
export type EnqueueVerdict =
  | 'written'
  | 'same'
  | 'duplicate'
  | 'refused'
  | DependencyCycleError
  | NotReplicatedError
  | WrongKeyTypeError;
const verdicts: Record<string, 'written' | 'same' | 'duplicate' | 'refused'> = {
  w: 'written',
  p: 'written',
  s: 'same',
  d: 'duplicate',
  x: 'refused',
};

/** Adds the number of jobs and the jobs to a script's arguments, as `parts/new-jobs.lua` reads them. */
export const pushJobs = (args: Argument[], jobs: readonly NewJob[], createdAt: string): void => {
  args.push(jobs.length);
  for (const job of jobs) {
    const { id, data, description, atFront, ttlSeconds, fields, due } = job;
    if (!atFront && ttlSeconds === null && fields.length === 0 && !due) {
      args.push(id, data, description, '');
    } else {
      const front = frontText(job);
      // Python may enqueue another job under the id: these callbacks are none of that one's.
      const born = fields.includes('x_callbacks') ? ['x_born', createdAt] : [];
      const count = fields.length + born.length + 2;
      args.push(id, data, description, count, front, ttlSeconds ?? '', ...fields, ...born);
    }
  }
};

// What waits for others, or for its time, is held to its limit later, when it is claimed.
const frontText = ({ atFront, after, due, limit }: NewJob): string | number => {
  const digit = atFront ? 1 : 0;
  if (due) return `${digit}${dueText(due)}${after ? ` ${afterText(atFront, after)}` : ''}`;
  if (after) return afterText(atFront, after);
  return limit ? `${digit}L${limit.concurrency} ${limit.key}` : digit;
};

const afterText = (atFront: boolean, { ids, allowsFailure }: NewJobAfter): string =>
  `${atFront ? 1 : 0}${allowsFailure ? 1 : 0} ${ids.join(' ')}`;

/** A time as the scripts read it. */
export const dueText = (due: Due): string => ('atMs' in due ? `@${due.atMs}` : `+${due.inMs}`);

/** The key that the scripts need only for jobs with a time. */
export const scheduledKeys = (queue: string, jobs: readonly NewJob[]): string[] =>
  jobs.some(({ due }) => due) ? [keys.scheduled(queue)] : [];

/**
 * Writes new jobs to the end of one queue, to its front, or among its scheduled jobs, in one step; at most 1000 a call, because
 * Redis serves nobody else meanwhile. `createdAt` (RQ's text) belongs to the request: a repeated try
 * must give the same.
 */
export const enqueue = async (
  redis: Redis,
  queue: string,
  createdAt: string,
  jobs: readonly NewJob[],
  settings: WireSettings,
): Promise<EnqueueVerdict[]> => {
  const args: Argument[] = [prefixes.job, settings.eventLogLength, queue, createdAt];
  pushJobs(args, jobs, createdAt);
  const scriptKeys = [keys.queues, keys.queue(queue), keys.events(queue)];
  const timed = scheduledKeys(queue, jobs);
  const isLimited = jobs.some(({ limit }) => limit);
  if (!isLimited && !jobs.some(({ after }) => after)) {
    const reply = String(await runScript(redis, script, [...scriptKeys, ...timed], args));
    return reply.split('').map((letter) => verdicts[letter] as EnqueueVerdict);
  }
  const reply = String(
    await runScript(
      redis,
      isLimited ? scriptLimited : scriptAfter,
      [...scriptKeys, keys.deferred(queue), ...timed],
      args,
    ),
  );
  const texts = reply.slice(jobs.length + 1).split('\n');
  return Array.from(reply.slice(0, jobs.length), (letter) => {
    if (letter === 'c') return new DependencyCycleError((texts.shift() as string).split(' '));
    if (letter === 'k') return new WrongKeyTypeError(texts.shift() as string);
    return verdicts[letter] as EnqueueVerdict;
  });
};
