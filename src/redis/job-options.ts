import { type CallbackOption, encodeCallbacks } from './callbacks.js';
import { type DependsOn, dependencyFields, planDependencies } from './depends-on.js';
import { dueOf } from './due.js';
import { type Duration, type DurationRule, durationOption } from './duration.js';
import { InvalidOptionError } from './errors.js';
import { checkKnown } from './known-options.js';
import { checkGroupName, checkJobId } from './names.js';
import { encodeValue, type SerializerName } from './payload/index.js';
import { isEmpty } from './payload/plain.js';
import { checkRateLimit } from './rate-limits.js';
import { type RepeatOptions, type RetryOptions, repeatFields, retryFields } from './runs-again.js';
import type { NewJob, RateLimit } from './transitions/enqueue.js';
import { encodeWebhooks, type WebhookOption } from './webhooks.js';

/**
 * What may be said of a job when it is enqueued. Each duration has two spellings, of which one may be given:
 * `timeout` takes seconds or a text such as `'5m'`, `timeoutSeconds` a number of seconds.
 */
export interface JobOptions {
  /** Default: a random UUID. Must match `[A-Za-z0-9_-]+`. */
  jobId?: string;
  /** What to do when a job with this id exists: refuse (the default), or take it for done. */
  onDuplicate?: 'throw' | 'keep';
  /** RQ's word for one job of a kind: there must be a `jobId`, and while a job with it exists, no second one comes. */
  unique?: boolean;
  /** When it is to come to its queue. Until then it is scheduled; the scheduler that every worker has moves it. */
  at?: Date;
  /** The same as a pause from now, by the clock of Redis. One of `at`, `in` and `inMs` may be given. */
  in?: Duration;
  inMs?: number;
  /** How long a run may take; -1 is no limit. Default 180 s, as in RQ. */
  timeout?: Duration;
  timeoutSeconds?: number;
  /** How long the job may wait on its queue before it expires. Default: for ever. */
  ttl?: Duration;
  ttlSeconds?: number;
  /** How long a finished job is kept; -1 for ever, 0 not at all. Default: the worker's, 500 s. */
  resultTtl?: Duration;
  resultTtlSeconds?: number;
  /** How long a failed job is kept; -1 for ever, 0 not at all. Default: the worker's, one year. */
  failureTtl?: Duration;
  failureTtlSeconds?: number;
  /** For humans. Default: the call, as RQ writes it. */
  description?: string;
  /** Any plain data, readable and writable while the job runs. */
  meta?: Record<string, unknown>;
  /** To the front of the queue instead of its end. */
  atFront?: boolean;
  /**
   * Jobs that must have ended before: it is deferred until the last has. One that is not in Redis counts as
   * ended well, as in RQ. With a time (`at`, `in`, `inMs`) they are looked at when that has come.
   */
  dependsOn?: DependsOn;
  retry?: RetryOptions;
  repeat?: RepeatOptions;
  /** `pickle` for Python workers that run with RQ's default serializer. Default: `json`. */
  serializer?: SerializerName;
  /** `stream` also where no Python reader is known: RQ's results stream, at 4.4 KB a job. Default: `hash`. */
  results?: 'hash' | 'stream';
  /** Keyword arguments, for Python functions that want them. */
  kwargs?: Record<string, unknown>;
  /**
   * Handlers of the worker to call when the job has ended, as `(job, result)`, `(job, error)`, `(job)`: a success
   * callback that throws fails the job. See docs/jobs.md.
   */
  onSuccess?: CallbackOption;
  onFailure?: CallbackOption;
  onStopped?: CallbackOption;
  /** Requests to make once the job has ended for good. */
  webhooks?: readonly WebhookOption[];
  /** The group that it belongs to. See `Rq.group`. */
  groupId?: string;
  /**
   * Of all jobs with this key, in whatever queues, at most `concurrency` are queued or run at a time; the others wait
   * with status `rate_limited`, in the order in which they came. RQ 3: `RateLimit`.
   */
  rateLimit?: RateLimit;
}

const known = new Set([
  'jobId',
  'onDuplicate',
  'unique',
  'at',
  'in',
  'inMs',
  'timeout',
  'timeoutSeconds',
  'ttl',
  'ttlSeconds',
  'resultTtl',
  'resultTtlSeconds',
  'failureTtl',
  'failureTtlSeconds',
  'description',
  'meta',
  'atFront',
  'dependsOn',
  'retry',
  'repeat',
  'serializer',
  'results',
  'kwargs',
  'groupId',
  'onSuccess',
  'onFailure',
  'onStopped',
  'webhooks',
  'rateLimit',
]);

/** RQ's own default; a job that has it needs no field, which keeps its hash in Redis' compact form. */
const defaultTimeoutSeconds = 180;

/** Of a job of which nothing was said: most of them. */
const plain = Object.freeze({ atFront: false, ttlSeconds: null, fields: Object.freeze([]) });

/**
 * The fields of the hash that follow from the options.
 *
 * @throws InvalidOptionError naming the option; InvalidNameError; UnserializableError with `meta`'s path.
 */
export const fieldsOf = (
  options: JobOptions,
): Pick<NewJob, 'atFront' | 'ttlSeconds' | 'due' | 'fields' | 'after' | 'limit'> => {
  if (isEmpty(options)) return plain;
  checkKnown(options, known);
  const fields: Array<string | number | Buffer> = [];
  // First: the script looks for it there.
  if (options.groupId !== undefined) fields.push('group_id', checkGroupName(options.groupId));
  if (options.jobId !== undefined) checkJobId(options.jobId);
  else if (options.unique) throw new InvalidOptionError('unique', 'it needs a jobId');
  const due = dueOf(options);
  const after = planDependencies(options.dependsOn, options.jobId);
  const atFront = options.atFront === true || after?.atFront === true;
  // The scheduler that moves it, ours or Python's, has no other way to know.
  if (due && atFront && !after) fields.push('enqueue_at_front', 1);
  const timeout = durationOption(options, 'timeout', timeoutRule);
  if (timeout !== undefined && timeout !== defaultTimeoutSeconds) fields.push('timeout', timeout);
  const ttl = durationOption(options, 'ttl', { least: 1 });
  if (ttl !== undefined) fields.push('ttl', ttl);
  const resultTtl = durationOption(options, 'resultTtl', keptRule);
  if (resultTtl !== undefined) fields.push('result_ttl', resultTtl);
  const failureTtl = durationOption(options, 'failureTtl', keptRule);
  if (failureTtl !== undefined) fields.push('failure_ttl', failureTtl);
  if (options.retry !== undefined) fields.push(...retryFields(options.retry));
  if (options.repeat !== undefined) fields.push(...repeatFields(options.repeat));
  if (options.meta !== undefined && Object.keys(options.meta).length > 0) {
    fields.push('meta', encodeValue(options.meta, options.serializer ?? 'json', { root: 'meta' }));
  }
  fields.push(...afterwardsOf(options));
  // Every Python producer writes this field; with it in the hash, workers answer in the results stream.
  if (options.results === 'stream') fields.push('success_callback_name', '');
  const rest = { atFront, ttlSeconds: ttl ?? null, fields };
  const limit = options.rateLimit && checkRateLimit(options.rateLimit);
  if (limit) {
    fields.push('rate_limit_key', limit.key, 'rate_limit_concurrency', limit.concurrency);
    if (atFront && !after && !due) fields.push('enqueue_at_front', 1);
  }
  if (after) fields.push(...dependencyFields(after, atFront));
  return { ...rest, ...(due && { due }), ...(after && { after }), ...(limit && { limit }) };
};

const afterwardsOf = ({ onSuccess, onFailure, onStopped, webhooks }: JobOptions): string[] => {
  const callbacks = encodeCallbacks({
    success: onSuccess,
    failure: onFailure,
    stopped: onStopped,
  });
  if (!webhooks || webhooks.length === 0) return callbacks ? ['x_callbacks', callbacks] : [];
  // By our own field the claim knows that there is more to read.
  return ['x_callbacks', callbacks ?? '{}', 'webhooks', encodeWebhooks(webhooks)];
};

const timeoutRule: DurationRule = { least: 1, forever: true };
const keptRule: DurationRule = { least: 0, forever: true };
