import { stringifyJson } from '../redis/payload/json.js';
import { pythonRepr } from '../redis/payload/python-repr.js';
import { escapeJson, escapeLines, escapeText } from './escape.js';
import type { Io } from './io.js';

/** Plain data as JSON on one line, large integers exact; what JSON cannot say (bytes, sets) as Python writes it. */
export const valueText = (value: unknown): string => {
  try {
    return escapeJson(stringifyJson(value));
  } catch {
    return escapeText(pythonRepr(value), Number.POSITIVE_INFINITY);
  }
};

/** The same as a member of an object for `io.json`: large integers and what JSON cannot say become text. */
export const jsonMember = (value: unknown): unknown => {
  try {
    return JSON.parse(stringifyJson(value));
  } catch {
    return pythonRepr(value);
  }
};

/** Prints a result: a string as it is (escaped on a terminal), else JSON. */
export const printResult = (io: Io, value: unknown): void => {
  if (typeof value !== 'string') io.out(valueText(value));
  else if (!io.isTerminal) io.out(value);
  else for (const line of escapeLines(value, Number.MAX_SAFE_INTEGER)) io.out(line);
};
