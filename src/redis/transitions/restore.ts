import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const script = loadScript('restore');

/**
 * Puts a job back that says `queued` or `started` and stands in no list or registry of its queue: Python loses
 * ids between two commands. False when it is somewhere, or has ended.
 */
export const restore = async (
  redis: Redis,
  queue: string,
  id: string,
  settings: WireSettings,
): Promise<boolean> => {
  const scriptKeys = [
    keys.queue(queue),
    keys.intermediate(queue),
    keys.wip(queue),
    keys.failed(queue),
    keys.events(queue),
    keys.failedQueue,
    keys.job(id),
    keys.queues,
  ];
  const args = [id, settings.eventLogLength, settings.failureTtlSeconds, settings.maxRecoveries];
  return String(await runScript(redis, script, scriptKeys, args)) !== 's';
};
