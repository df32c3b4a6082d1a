import type { Redis } from 'ioredis';
import { keys, prefixes } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const script = loadScript('delete');

/** Removes a job and everything under its id, wherever it is, or only where it stands as one of those. False when there was none. */
export const deleteJob = async (
  redis: Redis,
  queue: string,
  id: string,
  settings: WireSettings,
  statuses: readonly string[] = [],
): Promise<boolean> => {
  const scriptKeys = [
    keys.job(id),
    keys.dependents(id),
    keys.dependencies(id),
    keys.results(id),
    keys.executions(id),
    keys.queue(queue),
    keys.intermediate(queue),
    keys.finished(queue),
    keys.failed(queue),
    keys.scheduled(queue),
    keys.deferred(queue),
    keys.canceled(queue),
    keys.events(queue),
    keys.failedQueue,
    keys.wip(queue),
  ];
  return (
    (await runScript(redis, script, scriptKeys, [
      id,
      settings.eventLogLength,
      prefixes.execution,
      prefixes.commandsTo,
      ...statuses,
    ])) === 1
  );
};
