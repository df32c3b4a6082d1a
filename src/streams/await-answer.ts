import type { Redis } from 'ioredis';
import { failureKind } from '../redis/failure.js';
import { readAnswer, type WorkerAnswer } from '../redis/worker-answer.js';

const firstPauseMs = 10;
const longestPauseMs = 200;

/** Reads again and again until there is something; `null` when there is nothing within the time. */
export const readUntil = async <T>(
  timeoutMs: number,
  read: () => Promise<T | null>,
): Promise<T | null> => {
  const deadlineMs = performance.now() + timeoutMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
    try {
      const found = await read();
      if (found !== null) return found;
    } catch (error) {
      // Redis comes back, or the time is over.
      if (failureKind(error) !== 'transient') throw error;
    }
    const leftMs = deadlineMs - performance.now();
    if (leftMs <= 0) return null;
    await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, leftMs)));
  }
};

/** A worker's answer to the command of this id; `null` when none came in time. */
export const awaitAnswer = (
  redis: Redis,
  commandId: string,
  timeoutMs: number,
): Promise<WorkerAnswer | null> => readUntil(timeoutMs, () => readAnswer(redis, commandId));
