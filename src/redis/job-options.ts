import { InvalidOptionError } from './errors.js';
import { checkJobId } from './names.js';
import { encodeValue, type SerializerName } from './payload/index.js';
import type { NewJob } from './transitions/enqueue.js';

/** What may be said of a job when it is enqueued. All durations are in seconds, as on the wire. */
export interface JobOptions {
  /** Default: a random UUID. Must match `[A-Za-z0-9_-]+`. */
  jobId?: string;
  /** What to do when a job with this id exists: refuse (the default), or take it for done. */
  onDuplicate?: 'throw' | 'keep';
  /** How long a run may take; -1 is no limit. Default 180, as in RQ. */
  timeoutSeconds?: number;
  /** How long the job may wait before it expires. Default: for ever. */
  ttlSeconds?: number;
  /** How long a finished job is kept; -1 for ever, 0 not at all. Default: the worker's, 500. */
  resultTtlSeconds?: number;
  /** How long a failed job is kept; -1 for ever, 0 not at all. Default: the worker's, one year. */
  failureTtlSeconds?: number;
  /** For humans. Default: the call, as RQ writes it. */
  description?: string;
  /** Any plain data, readable and writable while the job runs. */
  meta?: Record<string, unknown>;
  /** To the front of the queue instead of its end. */
  atFront?: boolean;
  /** Further attempts after a failure. `intervalsSeconds` are the pauses; a single one serves all. */
  retry?: { max: number; intervalsSeconds?: readonly number[]; atFront?: boolean };
  /** `pickle` for Python workers that run with RQ's default serializer. Default: `json`. */
  serializer?: SerializerName;
  /** `stream` also where no Python reader is known: RQ's results stream, at 4.4 KB a job. Default: `hash`. */
  results?: 'hash' | 'stream';
  /** Keyword arguments, for Python functions that want them. */
  kwargs?: Record<string, unknown>;
}

const known = new Set([
  'jobId',
  'onDuplicate',
  'timeoutSeconds',
  'ttlSeconds',
  'resultTtlSeconds',
  'failureTtlSeconds',
  'description',
  'meta',
  'atFront',
  'retry',
  'serializer',
  'results',
  'kwargs',
]);

/** RQ's own default; a job that has it needs no field, which keeps its hash in Redis' compact form. */
const defaultTimeoutSeconds = 180;

/**
 * The fields of the hash that follow from the options.
 *
 * @throws InvalidOptionError naming the option; InvalidNameError; UnserializableError with `meta`'s path.
 */
export const fieldsOf = (
  options: JobOptions,
): Pick<NewJob, 'atFront' | 'ttlSeconds' | 'fields'> => {
  for (const option in options) {
    if (!known.has(option))
      throw new InvalidOptionError(option, `it is none of ${[...known].join(', ')}`);
  }
  const fields: Array<string | number | Buffer> = [];
  if (options.jobId !== undefined) checkJobId(options.jobId);
  if (options.timeoutSeconds !== undefined && options.timeoutSeconds !== defaultTimeoutSeconds) {
    fields.push(
      'timeout',
      whole(
        'timeoutSeconds',
        options.timeoutSeconds,
        (n) => n > 0 || n === -1,
        'more than 0, or -1',
      ),
    );
  }
  if (options.ttlSeconds !== undefined) {
    fields.push(
      'ttl',
      whole('ttlSeconds', options.ttlSeconds, (n) => n > 0, 'more than 0'),
    );
  }
  if (options.resultTtlSeconds !== undefined) {
    fields.push(
      'result_ttl',
      whole('resultTtlSeconds', options.resultTtlSeconds, (n) => n >= -1, '-1 or more'),
    );
  }
  if (options.failureTtlSeconds !== undefined) {
    fields.push(
      'failure_ttl',
      whole('failureTtlSeconds', options.failureTtlSeconds, (n) => n >= -1, '-1 or more'),
    );
  }
  if (options.retry !== undefined) fields.push(...retryFields(options.retry));
  if (options.meta !== undefined && Object.keys(options.meta).length > 0) {
    fields.push('meta', encodeValue(options.meta, options.serializer ?? 'json', { root: 'meta' }));
  }
  // Every Python producer writes this field; with it in the hash, workers answer in the results stream.
  if (options.results === 'stream') fields.push('success_callback_name', '');
  return { atFront: options.atFront === true, ttlSeconds: options.ttlSeconds ?? null, fields };
};

const retryFields = (retry: NonNullable<JobOptions['retry']>): Array<string | number> => {
  const intervals = retry.intervalsSeconds ?? [];
  const max = whole('retry.max', retry.max, (n) => n >= 1, '1 or more');
  for (const interval of intervals)
    whole('retry.intervalsSeconds', interval, (n) => n >= 0, '0 or more');
  // An empty list crashes RQ's failure path.
  const fields: Array<string | number> = [
    'retries_left',
    max,
    'retry_intervals',
    JSON.stringify(intervals.length > 0 ? intervals : [0]),
  ];
  if (retry.atFront) fields.push('enqueue_at_front_on_retry', 1);
  return fields;
};

/** Scripts print larger numbers in a form that Redis takes for no number; in seconds it is 30,000 years. */
const largest = 1e12;

const whole = (
  option: string,
  value: unknown,
  holds: (n: number) => boolean,
  rule: string,
): number => {
  if (typeof value !== 'number' || !Number.isInteger(value) || !holds(value) || value > largest) {
    throw new InvalidOptionError(option, `it must be a whole number, ${rule}, and at most 1e12`);
  }
  return value;
};
