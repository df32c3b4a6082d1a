import type { Redis } from 'ioredis';
import { keys, prefixes } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const script = loadScript('cancel');

/**
 * Cancels a job that has not ended, or was stopped for this, and frees its dependents or not. Answers the status it
 * had; `''` when there is no such job.
 */
export const cancel = async (
  redis: Redis,
  queue: string,
  id: string,
  settings: WireSettings,
  { enqueueDependents = false, isStopped = false } = {},
): Promise<string> => {
  const scriptKeys = [
    keys.queue(queue),
    keys.intermediate(queue),
    keys.canceled(queue),
    keys.events(queue),
    keys.scheduled(queue),
    keys.deferred(queue),
    keys.job(id),
    keys.wip(queue),
    keys.failed(queue),
    keys.failedQueue,
  ];
  const args = [
    id,
    settings.eventLogLength,
    prefixes.commandsTo,
    enqueueDependents ? 1 : 0,
    isStopped ? 1 : 0,
  ];
  return String(await runScript(redis, script, scriptKeys, args));
};
