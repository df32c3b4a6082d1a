import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterwardsFields, readAfterwards } from './afterwards.js';
import { keys } from './keys.js';
import { isJobId } from './names.js';
import type { WireSettings } from './transitions/queue-keys.js';
import { type OverdueLease, recover } from './transitions/recover.js';
import type { ClaimedJob } from './transitions/settlement.js';
import { isWrongType } from './wrong-type.js';

/** A job that failed without having ended in this worker, and of which somebody wants to hear. */
export interface Casualty {
  /** As it was, with an execution that nothing is fenced by. */
  readonly job: ClaimedJob;
  /** What its failure callback gets, and its webhooks tell. RQ: `AbandonedJobError` for those whose worker died. */
  readonly error: { readonly name: string; readonly message: string };
  /** It is in the FailedQueue; else it runs again, by one of its retries. */
  readonly isForGood: boolean;
}

/** A job that nobody runs any more, as its callbacks and webhooks get it. */
export const fallenJob = (
  of: Pick<ClaimedJob, 'queue' | 'jobId'> & Partial<ClaimedJob>,
): ClaimedJob => ({
  attempt: 0,
  started: true,
  timeoutMs: null,
  data: Buffer.alloc(0),
  meta: null,
  wantsStream: false,
  isNew: false,
  enqueuedAt: '',
  ...of,
  execution: randomBytes(16).toString('hex'),
});

const abandoned = { name: 'AbandonedJobError', message: 'its worker died' };

/**
 * Takes jobs away from executions whose lease is over, and answers those that failed by it and have a callback or a
 * webhook: for good, or with one of their retries used. What runs again uncharged has not failed. Whoever took a job away
 * hears of it, and nobody else. RQ: `StartedJobRegistry.cleanup`.
 */
export const recoverWithCasualties = async (
  redis: Redis,
  queue: string,
  overdue: readonly OverdueLease[],
  wire: WireSettings,
): Promise<Casualty[]> => {
  // Before: of a job whose failures are not kept nothing is left to be read afterwards.
  const fallen = await Promise.all(overdue.map((lease) => readFallen(redis, queue, lease, wire)));
  const verdicts = await recover(redis, queue, overdue, wire);
  return fallen.flatMap((one, index) => {
    const isForGood = verdicts[index] === 'quarantined';
    const isCharged = verdicts[index] === 'recovered' && one?.hasRetries;
    return one && (isForGood || isCharged) ? [{ job: one.job, error: abandoned, isForGood }] : [];
  });
};

const fields = ['retries_left', 'x_attempt', 'enqueued_at'] as const;

/** `null` when there is nothing to be done about it, whatever becomes of it. */
const readFallen = async (
  redis: Redis,
  queue: string,
  { member }: OverdueLease,
  { payloadLimitBytes }: WireSettings,
): Promise<{ job: ClaimedJob; hasRetries: boolean } | null> => {
  const jobId = member.toString('latin1').split(':', 1)[0] as string;
  if (!isJobId(jobId)) return null;
  const key = keys.job(jobId);
  const values = await redis.hmgetBuffer(key, ...afterwardsFields, ...fields).catch(ofWrongType);
  const afterwards = readAfterwards(values.slice(0, afterwardsFields.length));
  if (!afterwards) return null;
  const [retries, attempt, enqueuedAt] = values.slice(afterwardsFields.length).map(String);
  const read = async (field: 'data' | 'meta'): Promise<Buffer | null> =>
    (await redis.hstrlen(key, field)) > payloadLimitBytes ? null : redis.hgetBuffer(key, field);
  const [data, meta] = await Promise.all([read('data'), read('meta')]);
  const job = fallenJob({
    queue,
    jobId,
    attempt: Number(attempt) || 0,
    data: data ?? Buffer.alloc(0),
    meta,
    enqueuedAt: enqueuedAt ?? '',
    afterwards,
  });
  return { job, hasRetries: Number(retries) > 0 };
};

const ofWrongType = (error: Error): Array<Buffer | null> => {
  // No job, and the recovery says so.
  if (isWrongType(error)) return [];
  throw error;
};
