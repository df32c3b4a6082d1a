import { InvalidOptionError } from './errors.js';

/**
 * Refuses what is no option: a slip of the pen must not count as "not given". `of` is what the options belong to, with a
 * dot: `rateLimit.`.
 *
 * @throws InvalidOptionError naming the first
 */
export const checkKnown = (given: object, known: ReadonlySet<string>, of = ''): void => {
  for (const option in given) {
    if (!known.has(option))
      throw new InvalidOptionError(`${of}${option}`, `it is none of ${[...known].join(', ')}`);
  }
};
