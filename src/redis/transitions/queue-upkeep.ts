import type { Redis } from 'ioredis';
import { keys, prefixes } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const withdrawing = loadScript('withdraw');
const compacting = loadScript('compact');
const forgetting = loadScript('forget-queue');

const chunk = 500;
/** What stands for an id until it is taken out, within one script: no id can be this. */
const tombstone = ':gone:';

/** Takes a waiting job out of a queue: it is canceled. False when it does not wait there. */
export const withdraw = async (
  redis: Redis,
  queue: string,
  id: string,
  settings: WireSettings,
): Promise<boolean> => {
  const scriptKeys = [keys.queue(queue), keys.canceled(queue), keys.events(queue), keys.job(id)];
  const args = [id, settings.eventLogLength];
  return (await runScript(redis, withdrawing, scriptKeys, args)) === 1;
};

/** Takes ids without a job out of a queue, some hundred a call. Answers how many. */
export const compact = async (redis: Redis, queue: string): Promise<number> => {
  let all = 0;
  for (let from = 0; ; ) {
    const args = [prefixes.job, from, chunk, tombstone];
    const [looked, gone] = (await runScript(redis, compacting, [keys.queue(queue)], args)) as [
      number,
      number,
    ];
    all += gone;
    // Workers take from the front meanwhile: an id that moves past us is looked at by them.
    from += looked - gone;
    if (looked < chunk) return all;
  }
};

/** Forgets a queue; false when jobs wait in it. */
export const forgetQueue = async (redis: Redis, queue: string): Promise<boolean> =>
  (await runScript(redis, forgetting, [keys.queues, keys.queue(queue)], [])) === 1;
