import type { Redis } from 'ioredis';
import { InvalidJobOperationError, NoSuchJobError } from '../redis/errors.js';
import { keys } from '../redis/keys.js';
import { NoAnswerError } from './command-errors.js';
import { stopJob } from './stop-job.js';

/** RQ before 2.7: a stop makes a worker without children kill its own process group. */
const firstSafeRelease = [2, 7] as const;
const waitMs = 5_000;

/**
 * Stops a job that a worker of Python's runs, before it is canceled or deleted: those workers do not look, and what they
 * write at the end would bring it back. Whether it was stopped for that; false too when its worker does not listen or
 * does not stop it in time, or when we may send no commands: then its outcome counts.
 */
export const stopInPython = async (redis: Redis, id: string): Promise<boolean> => {
  const [status, worker] = await redis.hmget(keys.job(id), 'status', 'worker_name');
  if (status !== 'started' || !worker) return false;
  if (!mayBeTold(await redis.hget(keys.worker(worker), 'version'))) return false;
  try {
    await stopJob(redis, id, waitMs);
    return true;
  } catch (error) {
    const isOver = error instanceof InvalidJobOperationError || error instanceof NoSuchJobError;
    if (isOver || error instanceof NoAnswerError || isForbidden(error)) return false;
    throw error;
  }
};

// A producer of least privilege sends no commands.
const isForbidden = (error: unknown): boolean =>
  error instanceof Error && /NOPERM|can't access|no permissions/.test(error.message);

// Ours says `rxrq`, and is told by the transition itself.
const mayBeTold = (version: string | null): boolean => {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  if (major === undefined) return false;
  const [safeMajor, safeMinor] = firstSafeRelease;
  return Number(major) > safeMajor || (Number(major) === safeMajor && Number(minor) >= safeMinor);
};
