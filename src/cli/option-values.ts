import { homedir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError, type Option } from 'commander';
import { parseDuration } from '../redis/duration.js';
import { UsageError } from './exit.js';

/** Parsers for values of options. Each throws commander's InvalidArgumentError, which ends with code 2. */

export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least))
      throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
    return value;
  };

export const portNumber = (text: string): number => {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > 65_535) throw new InvalidArgumentError('It must be a port, 1 to 65535.');
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

/** ISO 8601; without a zone it is local time, as in RQ. */
export const date = (text: string): Date => {
  const isIso = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?$/.test(text);
  const value = new Date(isIso ? text : Number.NaN);
  if (Number.isNaN(value.getTime()))
    throw new InvalidArgumentError(
      'It must be a date and a time, such as 2027-01-31T08:00:00Z; without a zone it is local.',
    );
  return value;
};

/** A file. `~/` at its begin is the home directory; after `=` no shell has said so. RQ: `os.path.expanduser`. */
export const homeFile = (text: string): string =>
  text.startsWith('~/') ? join(homedir(), text.slice(2)) : text;

const serializers: Readonly<Record<string, 'json' | 'pickle'>> = {
  json: 'json',
  pickle: 'pickle',
  'rq.serializers.JSONSerializer': 'json',
  'rq.serializers.DefaultSerializer': 'pickle',
  'rq.serializers.PickleSerializer': 'pickle',
};

/** A serializer by its short name or by RQ's dotted one. RQ: `resolve_serializer`. */
export const serializerKind = (text: string): 'json' | 'pickle' => {
  const kind = Object.hasOwn(serializers, text) ? serializers[text] : undefined;
  if (!kind)
    throw new InvalidArgumentError('It must be json or pickle; no other is read or written.');
  return kind;
};

const gatherers = new WeakSet<object>();

/** `queue=5`. */
export const weight = (text: string): [queue: string, weight: number] => {
  const match = /^(.+)=(\d{1,4})$/.exec(text);
  if (!match || Number(match[2]) < 1)
    throw new InvalidArgumentError('It must be a queue and a whole number, such as high=5.');
  return [match[1] as string, Number(match[2])];
};

/** A JSON object. */
export const jsonObject = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Told below, in the words of the option.
  }
  throw new InvalidArgumentError('It must be a JSON object, such as {"team": "red"}.');
};

/** Gathers the values of an option that may be given again and again. */
export const repeated = <T>(parse: (text: string) => T) => {
  const gather = (text: string, before: readonly T[] | undefined): T[] => [
    ...(before ?? []),
    parse(text),
  ];
  gatherers.add(gather);
  return gather;
};

/** Whether an option takes several values. */
export const isRepeatable = ({ variadic, parseArg }: Option): boolean =>
  variadic || (parseArg !== undefined && gatherers.has(parseArg));

/** Of a flag that takes names, or one of two words instead. @throws UsageError */
export const wordOrNames = (
  flag: string,
  given: readonly string[],
): 'all' | 'none' | readonly string[] => {
  const word = given.find((text): text is 'all' | 'none' => text === 'all' || text === 'none');
  if (word === undefined) return given;
  if (given.length > 1) throw new UsageError(`${flag} ${word} and others exclude each other`);
  return word;
};
