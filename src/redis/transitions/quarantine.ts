import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const script = loadScript('quarantine');

/**
 * Puts a waiting job into the FailedQueue. Answers the status that the job had: it moved when that was
 * `queued`, `created`, `scheduled`, `deferred` or `rate_limited`; `claimed` means that a worker holds it, `''` that there
 * is none.
 */
export const quarantine = async (
  redis: Redis,
  queue: string,
  id: string,
  reason: string,
  traceback: string,
  settings: WireSettings,
): Promise<string> => {
  const scriptKeys = [
    keys.queue(queue),
    keys.intermediate(queue),
    keys.failed(queue),
    keys.events(queue),
    keys.failedQueue,
    keys.scheduled(queue),
    keys.deferred(queue),
    keys.job(id),
  ];
  const args = [id, reason, traceback, settings.failureTtlSeconds, settings.eventLogLength];
  return String(await runScript(redis, script, scriptKeys, args));
};
