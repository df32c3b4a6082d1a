import { randomUUID } from 'node:crypto';
import { encodeCall } from '../../../src/redis/payload/call.js';
import type { ClaimedJob } from '../../../src/redis/transitions/settlement.js';

let made = 0;

/** A claimed job, named `job-1`, `job-2`, … in the order in which a test makes them. */
export const claimed = (fields: Partial<ClaimedJob> = {}): ClaimedJob => {
  made += 1;
  return {
    queue: 'default',
    jobId: `job-${made}`,
    execution: randomUUID().replaceAll('-', ''),
    attempt: 1,
    started: true,
    timeoutMs: 180_000,
    data: encodeCall({ functionName: 'jobs.noop', instance: null, args: [], kwargs: {} }),
    meta: null,
    wantsStream: false,
    isNew: false,
    enqueuedAt: '',

    ...fields,
  };
};

export const claimMany = (count: number, fields: Partial<ClaimedJob> = {}): ClaimedJob[] =>
  Array.from({ length: count }, () => claimed(fields));
