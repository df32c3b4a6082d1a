import { isWrongType } from '../redis/wrong-type.js';
import { escapeText } from './escape.js';
import type { Io } from './io.js';
import { troubleText } from './trouble-text.js';

/** Says on stderr what is not shown with the rest, and why; the same only once. */
export const tellingOn = (io: Io): ((error: unknown) => void) => {
  const told = new Set<string>();
  return (error) => {
    const text = `${isWrongType(error) ? 'left out: ' : '! '}${troubleText(error)}`;
    if (told.has(text)) return;
    told.add(text);
    io.err(escapeText(text, 500));
  };
};
