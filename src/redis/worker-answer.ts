import type { Redis } from 'ioredis';
import { keys } from './keys.js';

/** What a worker of ours says to a command. */
export type WorkerAnswer =
  /** It will be done. A ping brings what the worker is doing. */
  | { ok: true; state?: string; jobs?: ReadonlyArray<{ jobId: string; queue: string }> }
  /** `isFinal`: it will say the same whenever it is asked. */
  | { ok: false; reason: string; isFinal?: true };

const keptSeconds = 60;

export const writeAnswer = async (
  redis: Redis,
  commandId: string,
  answer: WorkerAnswer,
): Promise<void> => {
  await redis.set(keys.answer(commandId), JSON.stringify(answer), 'EX', keptSeconds);
};

/** `null` while there is none. */
export const readAnswer = async (redis: Redis, commandId: string): Promise<WorkerAnswer | null> => {
  const text = await redis.get(keys.answer(commandId));
  return text === null ? null : (JSON.parse(text) as WorkerAnswer);
};
