import { type Duration, secondsOf } from './duration.js';
import { InvalidOptionError } from './errors.js';

/** When a job is to come to its queue, in milliseconds: a time since the epoch, or a pause by the clock of Redis. */
export type Due = { atMs: number } | { inMs: number };

/** Python's dates end here; a later time in a registry breaks its readers. */
const lastMs = Date.UTC(9999, 11, 31);
const longestMs = 100 * 365 * 86_400_000;

/** A date in milliseconds. @throws InvalidOptionError naming `option` */
export const dateMs = (option: string, date: unknown): number => {
  const ms = date instanceof Date ? date.getTime() : Number.NaN;
  if (!(ms >= 0 && ms <= lastMs))
    throw new InvalidOptionError(option, 'it must be a Date from 1970 to 9999');
  return ms;
};

/** A pause in milliseconds. @throws InvalidOptionError naming `option` */
export const pauseMsOf = (option: string, pause: Duration): number => {
  const ms = secondsOf(option, pause, { least: 0 }) * 1_000;
  if (ms > longestMs) throw new InvalidOptionError(option, 'it must be a hundred years at most');
  return ms;
};

/** What the options say of a job's time; `undefined` for a job that is to be queued at once. @throws InvalidOptionError */
export const dueOf = (options: { at?: Date; in?: Duration; inMs?: number }): Due | undefined => {
  const { at, in: pause, inMs } = options;
  if ([at, pause, inMs].filter((given) => given !== undefined).length > 1)
    throw new InvalidOptionError('at', 'at, in and inMs say the same; give one');
  if (at !== undefined) return { atMs: dateMs('at', at) };
  if (pause !== undefined) return { inMs: pauseMsOf('in', pause) };
  if (inMs === undefined) return undefined;
  if (!(Number.isInteger(inMs) && inMs >= 0 && inMs <= longestMs))
    throw new InvalidOptionError('inMs', 'it must be whole milliseconds, a hundred years at most');
  return { inMs };
};
