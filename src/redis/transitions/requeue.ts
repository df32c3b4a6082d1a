import type { Redis } from 'ioredis';
import { keys, prefixes } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const script = loadScript('requeue');
const fromScript = loadScript('requeue-from');

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

/**
 * Moves a job that is finished, deferred or canceled back to its queue, whatever it waits for. A canceled one that runs
 * still loses its lease, so that its outcome is refused. Answers `moved`, `elsewhere` when the job is of another queue,
 * or its status when that is another one; `''` when there is no such job.
 */
export const requeueFrom = async (
  redis: Redis,
  status: 'finished' | 'deferred' | 'canceled',
  queue: string,
  id: string,
  atFront: boolean,
  settings: WireSettings,
): Promise<string> => {
  const scriptKeys = [
    keys.queue(queue),
    keys.intermediate(queue),
    keys.wip(queue),
    keys.events(queue),
    keys.queues,
    keys.job(id),
    keys.executions(id),
    keys.finished(queue),
    keys.scheduled(queue),
    keys.deferred(queue),
    keys.canceled(queue),
    keys.failed(queue),
  ];
  const args = [
    id,
    queue,
    status,
    atFront ? 1 : 0,
    settings.eventLogLength,
    prefixes.execution,
    prefixes.commandsTo,
  ];
  return String(await runScript(redis, fromScript, scriptKeys, args));
};
