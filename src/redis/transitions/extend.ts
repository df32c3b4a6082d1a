import type { Redis } from 'ioredis';
import { keys, prefixes } from '../keys.js';
import { type Argument, loadScript, runScript } from '../scripts.js';
import type { WireSettings } from './queue-keys.js';
import type { ClaimedJob } from './settlement.js';

const script = loadScript('extend');

/** Why an execution no longer holds its job, or that it does. */
export type LeaseVerdict = 'extended' | 'lost' | 'deleted' | 'canceled';
const verdicts: Record<string, LeaseVerdict> = {
  e: 'extended',
  l: 'lost',
  g: 'deleted',
  c: 'canceled',
};

/**
 * Renews a worker's lease on a queue and those of its running jobs there, at most 1000 a call. Called
 * without jobs as well, before the first claim: a job whose worker has no lease waits for `rq:wip` to
 * run out. Repeating it is harmless.
 */
export const extend = async (
  redis: Redis,
  worker: { name: string; tag: string },
  queue: string,
  jobs: ReadonlyArray<{ job: ClaimedJob; sinceMs: number }>,
  settings: WireSettings,
): Promise<LeaseVerdict[]> => {
  const now = performance.now();
  const args: Argument[] = [
    prefixes.executions,
    prefixes.execution,
    worker.name,
    settings.wideLeaseSeconds,
    settings.narrowLeaseMs,
    worker.tag,
    jobs.length,
  ];
  for (const { job, sinceMs } of jobs)
    args.push(job.jobId, job.execution, Math.round(now - sinceMs));
  const reply = await runScript(redis, script, [keys.wip(queue), keys.leases(queue)], args);
  return Array.from(String(reply), (letter) => verdicts[letter] as LeaseVerdict);
};
