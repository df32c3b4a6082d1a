import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';

const script = loadScript('hand-back');

/** Puts an id that a blocking pop brought back to the head of its queue. False when somebody else has it. */
export const handBack = async (redis: Redis, queue: string, id: Buffer): Promise<boolean> =>
  (await runScript(redis, script, [keys.intermediate(queue), keys.queue(queue)], [id])) === 1;
