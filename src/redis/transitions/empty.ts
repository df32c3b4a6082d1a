import type { Redis } from 'ioredis';
import { keys, prefixes } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';

const script = loadScript('empty');
const chunk = 500;

/** Deletes every job that waits in the queue now, in chunks. Running and failed ones are untouched. Answers how many. */
export const empty = async (
  redis: Redis,
  queue: string,
  settings: WireSettings,
): Promise<number> => {
  let removed = 0;
  for (;;) {
    const args = [prefixes.job, settings.eventLogLength, chunk];
    const taken = Number(
      await runScript(redis, script, [keys.queue(queue), keys.events(queue)], args),
    );
    removed += taken;
    if (taken < chunk) return removed;
  }
};
