import type { Redis } from 'ioredis';
import type { Due } from '../due.js';
import { keys } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import { dueText } from './enqueue.js';
import type { WireSettings } from './queue-keys.js';

const promoteScript = loadScript('promote');
const rescheduleScript = loadScript('reschedule');

/**
 * Brings a scheduled job to its queue now. Answers `moved`, `quarantined` for a job that cannot be read, or
 * the status that forbids it; `''` when there is no such job.
 */
export const promote = async (
  redis: Redis,
  queue: string,
  id: string,
  settings: WireSettings,
): Promise<string> => {
  const scriptKeys = [
    keys.scheduled(queue),
    keys.queue(queue),
    keys.failed(queue),
    keys.events(queue),
    keys.failedQueue,
    keys.queues,
    keys.job(id),
  ];
  const args = [id, queue, settings.eventLogLength, settings.failureTtlSeconds];
  return String(await runScript(redis, promoteScript, scriptKeys, args));
};

/** Gives a scheduled job another time. Answers as `promote`. */
export const reschedule = async (
  redis: Redis,
  queue: string,
  id: string,
  due: Due,
  settings: WireSettings,
): Promise<string> => {
  const scriptKeys = [keys.scheduled(queue), keys.events(queue), keys.job(id)];
  const args = [id, `0${dueText(due)}`, settings.eventLogLength];
  return String(await runScript(redis, rescheduleScript, scriptKeys, args));
};
