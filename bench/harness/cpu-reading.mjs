import { monotonicMs } from './monotonic-ms.mjs';

/** CPU time of this process so far, and when it was read. */
export function cpuReading() {
  const { user, system } = process.cpuUsage();
  return { atMs: monotonicMs(), cpuUs: user + system };
}
