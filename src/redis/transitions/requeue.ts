import type { Redis } from 'ioredis';
import { keys, prefixes } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const script = loadScript('requeue');

export type RequeueVerdict = 'requeued' | 'notFailed' | 'unknown' | 'refused';
const verdicts: Record<string, RequeueVerdict> = {
  m: 'requeued',
  n: 'notFailed',
  u: 'unknown',
  x: 'refused',
};

/** Moves failed jobs back to the end of their own queues, or to the front. At most 1000 ids a call. */
export const requeue = async (
  redis: Redis,
  ids: readonly string[],
  atFront: boolean,
  settings: WireSettings,
): Promise<RequeueVerdict[]> => {
  const args = [
    prefixes.job,
    prefixes.queue,
    prefixes.failed,
    prefixes.events,
    settings.eventLogLength,
    atFront ? 1 : 0,
    ids.length,
    ...ids,
  ];
  const reply = await runScript(redis, script, [keys.failedQueue, keys.queues], args);
  return Array.from(String(reply), (letter) => verdicts[letter] as RequeueVerdict);
};
