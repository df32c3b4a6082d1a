import type { Redis } from 'ioredis';
import { DependencyCycleError } from '../errors.js';
import { keys, prefixes } from '../keys.js';
import type { Cursor } from '../lifecycle-event.js';
import { type Argument, loadScript, runScript } from '../scripts.js';
import { type NewJob, pushJobs, scheduledKeys } from './enqueue.js';
import type { WireSettings } from './queue-keys.js';

const script = loadScript('pass-on');

/**
 * A pipeline's cursor as it lies in Redis: the cursor, then a blank and a word that only its writer chose.
 * Without the word two hosts that did the same would each take the other's write for its own.
 */
export type PlaceMark = string;

export const markOf = (cursor: Cursor, word: string): PlaceMark => `${cursor} ${word}`;
export const cursorIn = (mark: PlaceMark): Cursor => mark.split(' ', 1)[0] as Cursor;

/** What a pipeline makes of the results up to a place. */
export interface PassOn {
  pipeline: string;
  /** As it lies in Redis; `''` when there is none. */
  from: PlaceMark;
  to: PlaceMark;
  /** The queue of the jobs. */
  queue: string;
  /** RQ's text; the same in every try. */
  createdAt: string;
  /** At most 1000, because Redis serves nobody else meanwhile. */
  jobs: readonly NewJob[];
}

/**
 * Enqueues the jobs and moves the pipeline's cursor, in one step. Answers the mark in force: another one
 * than `to` means that somebody else moved it, and that nothing was written. Safe to repeat, also after it threw: jobs
 * that were written then are recognised.
 *
 * @throws DependencyCycleError, WrongKeyTypeError; the cursor has not moved then
 */
export const passOn = async (
  redis: Redis,
  { pipeline, from, to, queue, createdAt, jobs }: PassOn,
  settings: WireSettings,
): Promise<PlaceMark> => {
  const args: Argument[] = [prefixes.job, settings.eventLogLength, queue, createdAt, from, to];
  pushJobs(args, jobs, createdAt);
  const scriptKeys = [
    keys.queues,
    keys.queue(queue),
    keys.events(queue),
    keys.cursor(pipeline),
    ...scheduledKeys(queue, jobs),
  ];
  try {
    return String(await runScript(redis, script, scriptKeys, args));
  } catch (error) {
    const cycle = error instanceof Error && /^RXRQCYCLE (.+)$/.exec(error.message)?.[1];
    throw cycle ? new DependencyCycleError(cycle.split(' ')) : error;
  }
};

/** Where a pipeline stands; `''` when it never stood anywhere. */
export const placeMarkOf = async (redis: Redis, pipeline: string): Promise<PlaceMark> =>
  (await redis.get(keys.cursor(pipeline))) ?? '';

/** Gives a pipeline its first place, unless it has one. Answers the one in force. */
export const beginAt = async (
  redis: Redis,
  pipeline: string,
  cursor: Cursor,
): Promise<PlaceMark> => {
  await redis.set(keys.cursor(pipeline), cursor, 'NX');
  return placeMarkOf(redis, pipeline);
};
