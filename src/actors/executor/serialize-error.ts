import { inspect, toUSVString, types } from 'node:util';
import type { SerializedError } from '../outcome.js';

const textLimit = 64 * 1024;
const messageLimit = 16 * 1024;
const maxCauses = 5;

const cut = (text: string, limit: number): string => {
  const wellFormed = toUSVString(text.length > limit ? text.slice(0, limit) : text);
  const bytes = Buffer.byteLength(wellFormed);
  if (text.length <= limit && bytes <= limit) return wellFormed;
  const marker = `\n… (${Math.max(text.length, bytes) - limit} more were cut)`;
  const kept = Buffer.from(wellFormed).subarray(0, limit - marker.length - 8);
  return kept.toString('utf8').replace(/\ufffd$/, '') + marker;
};

// Whatever a handler throws, reading it may throw again: getters, proxies, a broken `toString`.
const attempt = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

const textAt = (thrown: object, key: string): string | undefined => {
  const value = attempt(() => (thrown as Record<string, unknown>)[key]);
  return typeof value === 'string' ? value : undefined;
};

const isErrorLike = (thrown: unknown): thrown is object =>
  typeof thrown === 'object' &&
  thrown !== null &&
  (types.isNativeError(thrown) ||
    attempt(() => thrown instanceof Error) === true ||
    (textAt(thrown, 'message') !== undefined && textAt(thrown, 'stack') !== undefined));

const shown = (thrown: unknown): string =>
  attempt(() => (typeof thrown === 'string' ? thrown : inspect(thrown, { depth: 3 }))) ??
  'a value that cannot be shown';

const ownStack = (error: object, name: string, message: string): string => {
  const stack = textAt(error, 'stack');
  return stack === undefined || stack === '' ? `${name}: ${message}` : stack;
};

/**
 * Anything that was thrown, as plain text: name, message, and the stack followed by its causes.
 * Never throws. The stack is cut to 64 KiB, the message to 16 KiB, each with a marker.
 */
export const serializeError = (thrown: unknown): SerializedError => {
  if (!isErrorLike(thrown)) {
    const message = cut(shown(thrown), messageLimit);
    return { name: 'NonErrorThrown', message, stack: `NonErrorThrown: ${message}` };
  }
  const name = cut(textAt(thrown, 'name') ?? 'Error', 200);
  const message = textAt(thrown, 'message') ?? '';
  let stack = ownStack(thrown, name, message);
  const seen = new Set<unknown>([thrown]);
  let error: object = thrown;
  for (let depth = 0; depth < maxCauses && stack.length < textLimit; depth += 1) {
    const cause = attempt(() => (error as { cause?: unknown }).cause);
    if (cause === undefined || seen.has(cause)) break;
    seen.add(cause);
    if (!isErrorLike(cause)) {
      stack += `\nCaused by: ${shown(cause)}`;
      break;
    }
    const causeName = textAt(cause, 'name') ?? 'Error';
    stack += `\nCaused by: ${ownStack(cause, causeName, textAt(cause, 'message') ?? '')}`;
    error = cause;
  }
  return { name, message: cut(message, messageLimit), stack: cut(stack, textLimit) };
};
