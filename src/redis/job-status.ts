/** RQ's own words; an unknown one breaks every Python fetch since 2.0, so no other is ever written. `rate_limited` is RQ 3's, and
 * written only for jobs with a rate limit. */
export const jobStatuses = [
  'created',
  'queued',
  'started',
  'finished',
  'failed',
  'stopped',
  'scheduled',
  'deferred',
  'canceled',
  'rate_limited',
] as const;

export type JobStatus = (typeof jobStatuses)[number];

/** The legal moves. `docs/lifecycle.md` draws them, and a test holds the drawing against this table. */
export const moves = {
  created: ['queued', 'started', 'failed', 'canceled'],
  queued: ['started', 'failed', 'canceled', 'rate_limited'],
  started: ['finished', 'failed', 'stopped', 'queued', 'scheduled', 'canceled'],
  finished: ['queued'],
  failed: ['queued'],
  stopped: ['queued'],
  scheduled: ['queued', 'deferred', 'failed', 'canceled'],
  deferred: ['queued', 'failed', 'canceled'],
  canceled: ['queued'],
  rate_limited: ['queued', 'failed', 'canceled'],
} as const satisfies Record<JobStatus, readonly JobStatus[]>;

/** Whether RQ knows the word. */
export const isJobStatus = (word: string): word is JobStatus =>
  (jobStatuses as readonly string[]).includes(word);

/** Statuses after which nothing happens to the job unless somebody requeues it. */
export const isTerminal = (status: JobStatus): boolean =>
  status === 'finished' || status === 'failed' || status === 'stopped' || status === 'canceled';
