import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const more = loadScript('free-more');
const finding = loadScript('find-stuck');
const freeing = loadScript('free-stuck');
const draining = loadScript('drain-ready');

/** Parents in one go, and calls for each: some ten thousand dependents, while others are served in between. */
const parentsAtOnce = 50;
const callsAtOnce = 100;
const lookAtOnce = 100;

/** Goes on where the script of a parent had to stop, and says whether there was any. Any number of callers may do so together. */
export const freeMore = async (redis: Redis, settings: WireSettings): Promise<boolean> => {
  const [, flat] = await redis.hscan(keys.unfreed, 0, 'COUNT', parentsAtOnce);
  for (let at = 0; at < flat.length; at += 2) {
    const args = [flat[at] as string, settings.eventLogLength];
    for (let calls = 1; calls <= callsAtOnce; calls++)
      if ((await runScript(redis, more, [], args)) !== 1) break;
  }
  return flat.length > 0;
};

/**
 * Looks at about a hundred entries of a queue's deferred registry, from a cursor on (`'0'`: the begin, and the
 * end). Answers the next cursor, and the ids that nobody will free or that do not belong there. Reads only.
 */
export const findStuck = async (
  redis: Redis,
  queue: string,
  cursor: string,
): Promise<{ cursor: string; ids: Buffer[] }> => {
  const scriptKeys = [keys.deferred(queue)];
  const [next, ...ids] = (await runScript(redis, finding, scriptKeys, [cursor, lookAtOnce])) as [
    Buffer,
    ...Buffer[],
  ];
  return { cursor: String(next), ids };
};

/** Frees those of the jobs that still wait for nothing. Answers how many. */
export const freeStuck = async (
  redis: Redis,
  queue: string,
  ids: readonly Buffer[],
  settings: WireSettings,
): Promise<number> => {
  const args = [settings.eventLogLength, ...ids];
  return (await runScript(redis, freeing, [keys.deferred(queue)], args)) as number;
};

/** Queues what workers of RQ 3 released and left lying. Answers how many. */
export const drainReady = async (
  redis: Redis,
  queue: string,
  settings: WireSettings,
): Promise<number> => {
  const args = [settings.eventLogLength, lookAtOnce];
  return (await runScript(redis, draining, [keys.ready(queue)], args)) as number;
};
