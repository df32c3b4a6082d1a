import { type Diagnosis, fine } from './finding.js';

const mostNamed = 20;

/** Keys of a wrong type, by what was said of each. What the other checks tell is told without them. Pure. */
export const judgeTypes = (said: readonly string[]): Diagnosis => {
  const check = 'key-types';
  const odd = [...new Set(said)].sort();
  if (odd.length === 0) return fine(check, 'all that was read has the type that RQ gives it');
  const more = odd.length > mostNamed ? `, and ${odd.length - mostNamed} more` : '';
  return {
    check,
    level: 'problem',
    what: `${odd.slice(0, mostNamed).join(', ')}${more}`,
    why: "somebody else writes here; who needs these keys is refused, and Python's tools end with an error",
    remedy: "look at them with TYPE, and delete what is not RQ's",
  };
};
