import type { Redis } from 'ioredis';
import { listWorkers } from './worker-records.js';

/** What our workers write where RQ's have the number of their release. */
export const ourVersion = 'rxrq';

/** Whether a living worker of Python RQ listens on the queue. It may have functions that no worker of ours has. */
export const isServedByPython = async (redis: Redis, queue: string): Promise<boolean> =>
  (await listWorkers(redis, [queue])).some(({ version }) => version !== ourVersion);
