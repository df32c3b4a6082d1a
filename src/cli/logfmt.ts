import { escapeJson, escapeText } from './escape.js';

/** An object as one line of `key=value`, for logs: values with spaces, quotes or `=` are JSON strings. */
export const logfmt = (record: Readonly<Record<string, unknown>>): string =>
  Object.entries(record)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key}=${fieldText(value)}`)
    .join(' ');

const fieldText = (value: unknown): string => {
  const text = Array.isArray(value) ? value.join(',') : String(value);
  return /^[^\s"=\\]+$/.test(text) && escapeText(text) === text
    ? text
    : escapeJson(JSON.stringify(text));
};
