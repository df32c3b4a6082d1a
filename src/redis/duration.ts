import { InvalidOptionError } from './errors.js';

/** A duration as RQ's options take it: seconds, or digits and a unit: `'30s'`, `'5m'`, `'1h'`, `'2d'`. */
export type Duration = number | `${number}` | `${number}${'s' | 'm' | 'h' | 'd'}`;

const unitSeconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3_600, d: 86_400 };

/** Whole seconds of a text such as `90`, `30m`, `1h`; `null` when it is none. -1 is RQ's "for ever". RQ: `parse_timeout`. */
export const parseDuration = (text: string): number | null => {
  const match = /^(-1|\d{1,12})([smhd]?)$/i.exec(text);
  if (!match || (match[1] === '-1' && match[2] !== '')) return null;
  return Number(match[1]) * (unitSeconds[(match[2] as string).toLowerCase()] as number);
};

/** Which durations an option takes. */
export interface DurationRule {
  readonly least: 0 | 1;
  /** What -1 means here, where it means something. */
  readonly forever?: boolean;
}

/** Scripts print larger numbers in a form that Redis takes for no number; in seconds it is 30,000 years. */
export const largestSeconds = 1e12;

/**
 * A duration in whole seconds, as the wire has it: a reader of RQ's stops at `1h` and at `1.5`.
 *
 * @throws InvalidOptionError naming the option
 */
export const secondsOf = (option: string, given: unknown, rule: DurationRule): number => {
  const seconds = typeof given === 'string' ? parseDuration(given) : given;
  const isFine =
    typeof seconds === 'number' &&
    Number.isInteger(seconds) &&
    seconds <= largestSeconds &&
    (seconds >= rule.least || (rule.forever === true && seconds === -1));
  if (isFine) return seconds;
  const range = rule.forever ? `${rule.least} or more, or -1` : `${rule.least} or more`;
  throw new InvalidOptionError(
    option,
    `it must be whole seconds, ${range}, or digits and one of s, m, h, d, such as '90' or '1h'`,
  );
};

/**
 * The seconds of an option that has two spellings: `timeout`, which takes any `Duration`, and
 * `timeoutSeconds`, which takes a number. `undefined` when neither is given.
 *
 * @throws InvalidOptionError, also when both are given
 */
export const durationOption = <Name extends string>(
  options: { readonly [K in Name | `${Name}Seconds`]?: unknown },
  name: Name,
  rule: DurationRule,
  inside = '',
): number | undefined => {
  const inSeconds = `${name}Seconds` as const;
  const { [name]: free, [inSeconds]: seconds } = options;
  if (free !== undefined && seconds !== undefined)
    throw new InvalidOptionError(
      inside + name,
      `it says the same as ${inside}${inSeconds}; give one`,
    );
  if (free !== undefined) return secondsOf(inside + name, free, rule);
  if (seconds === undefined) return undefined;
  if (typeof seconds !== 'number')
    throw new InvalidOptionError(
      inside + inSeconds,
      `it must be a number; ${inside}${name} takes texts such as '5m'`,
    );
  return secondsOf(inside + inSeconds, seconds, rule);
};
