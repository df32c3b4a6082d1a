import type { Redis } from 'ioredis';
import { keys, prefixes } from '../keys.js';
import { type Argument, loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const script = loadScript('enqueue');

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
}

/**
 * `written`, `same`: this very request was there (a repeated try), `duplicate`: another job has the id,
 * `refused`: the key of its group has a wrong type.
 */
export type EnqueueVerdict = 'written' | 'same' | 'duplicate' | 'refused';
const verdicts: Record<string, EnqueueVerdict> = {
  w: 'written',
  s: 'same',
  d: 'duplicate',
  x: 'refused',
};

/** Adds the number of jobs and the jobs to a script's arguments, as `parts/new-jobs.lua` reads them. */
export const pushJobs = (args: Argument[], jobs: readonly NewJob[]): void => {
  args.push(jobs.length);
  for (const { id, data, description, atFront, ttlSeconds, fields } of jobs) {
    if (!atFront && ttlSeconds === null && fields.length === 0) {
      args.push(id, data, description, '');
    } else {
      args.push(id, data, description, fields.length + 2, atFront ? 1 : 0, ttlSeconds ?? '');
      args.push(...fields);
    }
  }
};

/**
 * Writes new jobs to the end of one queue, or to its front, in one step; at most 1000 a call, because
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
  pushJobs(args, jobs);
  const reply = await runScript(
    redis,
    script,
    [keys.queues, keys.queue(queue), keys.events(queue)],
    args,
  );
  return Array.from(String(reply), (letter) => verdicts[letter] as EnqueueVerdict);
};
