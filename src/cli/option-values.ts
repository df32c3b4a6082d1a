import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../redis/duration.js';

/** Parsers for values of options. Each throws commander's InvalidArgumentError, which ends with code 2. */

export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least))
      throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
    return value;
  };

export const seconds =
  (least: number) =>
  (text: string): number => {
    const value = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least)) throw new InvalidArgumentError(`It must be seconds, at least ${least}.`);
    return value;
  };

/** Seconds, or digits and a unit: `90`, `30m`, `1h`, `7d`; -1 where RQ means "for ever". RQ: `parse_timeout`. */
export const duration = (text: string): number => {
  const value = parseDuration(text);
  if (value === null)
    throw new InvalidArgumentError(
      'It must be whole seconds, or digits and one of s, m, h, d, such as 90 or 1h.',
    );
  return value;
};

/** Gathers the values of an option that may be given again and again. */
export const repeated =
  <T>(parse: (text: string) => T) =>
  (text: string, before: readonly T[] | undefined): T[] => [...(before ?? []), parse(text)];
