import { type Duration, durationOption, largestSeconds, secondsOf } from './duration.js';
import { InvalidOptionError } from './errors.js';
import { checkKnown } from './known-options.js';

/** Pauses that grow: each is the one before times `factor`, up to `max`. */
export interface Backoff {
  kind: 'exponential';
  /** The first pause. */
  delay?: Duration;
  delaySeconds?: number;
  /** Default 2. */
  factor?: number;
  /** The longest pause. Default: an hour. */
  max?: Duration;
  maxSeconds?: number;
  /** Which part of each pause is left to chance, 0 to 1, so that jobs that failed together do not come back together. Default 0. */
  jitter?: number;
}

/** Further attempts after a failure. Of `intervals`, `intervalsSeconds` and `backoff` one may be given; default: no pauses. */
export interface RetryOptions {
  /** How many. */
  max: number;
  /** The pauses before them; with fewer than attempts the first one is used again and again, as in RQ. */
  intervals?: Duration | readonly Duration[];
  intervalsSeconds?: readonly number[];
  /** The pauses, computed when the job is enqueued. `max` is 1,000 at most then. */
  backoff?: Backoff;
  atFront?: boolean;
}

/** Further runs after a success. RQ: `Repeat`, since 2.3; workers of older releases run the job once. */
export interface RepeatOptions {
  /** How many. */
  times: number;
  /** The pauses before them. RQ uses the list from its end on: `[10, 60]` waits 60 s first, then 10 s. Default: none. */
  intervals?: Duration | readonly Duration[];
  intervalsSeconds?: readonly number[];
}

const mostIntervals = 1_000;

const knownOfRetry = new Set(['max', 'intervals', 'intervalsSeconds', 'backoff', 'atFront']);
const knownOfRepeat = new Set(['times', 'intervals', 'intervalsSeconds']);
const knownOfBackoff = new Set([
  ...['kind', 'delay', 'delaySeconds', 'factor', 'max', 'maxSeconds', 'jitter'],
]);

/** The fields of a job that may be retried. @throws InvalidOptionError */
export const retryFields = (retry: RetryOptions): Array<string | number> => {
  checkKnown(retry, knownOfRetry, 'retry.');
  const max = count('retry.max', retry.max);
  if (retry.backoff && (retry.intervals ?? retry.intervalsSeconds) !== undefined)
    throw new InvalidOptionError('retry.backoff', 'it excludes intervals');
  const intervals = retry.backoff ? backoffPauses(retry.backoff, max) : pausesOf('retry', retry);
  const fields = ['retries_left', max, 'retry_intervals', listText(intervals)];
  if (retry.atFront) fields.push('enqueue_at_front_on_retry', 1);
  return fields;
};

/** The fields of a job that repeats. @throws InvalidOptionError */
export const repeatFields = (repeat: RepeatOptions): Array<string | number> => {
  checkKnown(repeat, knownOfRepeat, 'repeat.');
  const times = count('repeat.times', repeat.times);
  return ['repeats_left', times, 'repeat_intervals', listText(pausesOf('repeat', repeat))];
};

// An empty list crashes RQ's failure path.
const listText = (intervals: readonly number[]): string =>
  JSON.stringify(intervals.length > 0 ? intervals : [0]);

const count = (option: string, given: unknown): number => {
  if (!(Number.isInteger(given) && (given as number) >= 1 && (given as number) <= largestSeconds))
    throw new InvalidOptionError(option, 'it must be a whole number, 1 or more');
  return given as number;
};

const pausesOf = (
  inside: string,
  { intervals, intervalsSeconds }: Pick<RepeatOptions, 'intervals' | 'intervalsSeconds'>,
): number[] => {
  if (intervals !== undefined && intervalsSeconds !== undefined)
    throw new InvalidOptionError(
      `${inside}.intervals`,
      `it says the same as ${inside}.intervalsSeconds; give one`,
    );
  const option = `${inside}.${intervals === undefined ? 'intervalsSeconds' : 'intervals'}`;
  const given = intervals ?? intervalsSeconds ?? [];
  return (Array.isArray(given) ? given : [given]).map((pause) =>
    secondsOf(option, pause, { least: 0 }),
  );
};

// RQ's list has one pause for each attempt: a shorter one would begin with its first pause over and over.
const backoffPauses = (backoff: Backoff, attempts: number): number[] => {
  const inside = 'retry.backoff.';
  checkKnown(backoff, knownOfBackoff, inside);
  const { kind, factor = 2, jitter = 0 } = backoff;
  if (kind !== 'exponential')
    throw new InvalidOptionError(`${inside}kind`, "it must be 'exponential'");
  if (attempts > mostIntervals)
    throw new InvalidOptionError('retry.max', `with backoff it must be ${mostIntervals} at most`);
  const first = durationOption(backoff, 'delay', { least: 1 }, inside);
  const longest = durationOption(backoff, 'max', { least: 1 }, inside) ?? 3_600;
  if (first === undefined) throw new InvalidOptionError(`${inside}delay`, 'it is missing');
  if (!(factor >= 1 && factor <= 1_000))
    throw new InvalidOptionError(`${inside}factor`, 'it must be a number from 1 to 1000');
  if (!(jitter >= 0 && jitter <= 1))
    throw new InvalidOptionError(`${inside}jitter`, 'it must be a number from 0 to 1');
  return Array.from({ length: attempts }, (_, attempt) => {
    const whole = Math.min(first * factor ** attempt, longest);
    return Math.max(1, Math.round(whole * (1 - jitter * Math.random())));
  });
};
