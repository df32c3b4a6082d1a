import type { JobCall } from './call.js';
import { isEmpty } from './plain.js';
import { isPrintedAsItIs, pythonRepr } from './python-repr.js';

const MAX_ARGUMENT_CHARS = 75;
const ELLIPSIS = '…';

// The longest value of a hash's compact listpack form (hash-max-listpack-value). One byte more, and
// Redis moves the whole hash to its large form: a job then takes 795 bytes instead of 338.
const MAX_DESCRIPTION_BYTES = 64;

/**
 * The field `description`, for humans (rq-protocol 2.5): the call as Python would print it, one line
 * without control characters, cut to 64 bytes of UTF-8. Never throws.
 */
export function describeCall(call: Pick<JobCall, 'functionName' | 'args' | 'kwargs'>): string {
  return cutBytes(callText(call, MAX_DESCRIPTION_BYTES));
}

/**
 * RQ's `get_call_string`, uncut: `func(arg, key=value)`, each argument at most 75 characters and `...`,
 * keyword arguments sorted. Arguments that begin after `enoughChars` may be missing.
 */
export function callText(
  { functionName, args, kwargs }: Pick<JobCall, 'functionName' | 'args' | 'kwargs'>,
  enoughChars = Number.POSITIVE_INFINITY,
): string {
  const parts: string[] = [];
  let chars = functionName.length;
  for (const arg of args) {
    if (chars > enoughChars) break;
    const text = argumentText(arg);
    parts.push(text);
    chars += text.length;
  }
  if (chars <= enoughChars && !isEmpty(kwargs)) {
    const named = Object.entries(kwargs).filter(([, value]) => value !== undefined);
    parts.push(...named.map(([key, value]) => `${printable(key)}=${argumentText(value)}`).sort());
  }
  return `${printable(functionName)}(${parts.join(', ')})`;
}

function argumentText(value: unknown): string {
  const text = pythonRepr(value, MAX_ARGUMENT_CHARS);
  if (text.length <= MAX_ARGUMENT_CHARS) return text;
  const chars = Array.from(text);
  if (chars.length <= MAX_ARGUMENT_CHARS) return text;
  return `${chars.slice(0, MAX_ARGUMENT_CHARS).join('')}...`;
}

/** Names are printed without quotes, but a name is foreign text too. */
function printable(name: string): string {
  if (isPrintedAsItIs(name)) return name;
  return pythonRepr(name).slice(1, -1);
}

function cutBytes(text: string): string {
  if (Buffer.byteLength(text) <= MAX_DESCRIPTION_BYTES) return text;
  let bytes = Buffer.byteLength(ELLIPSIS);
  let cut = '';
  // Character by character: a cut inside one would not be UTF-8, and rq would refuse the hash.
  for (const char of text) {
    bytes += Buffer.byteLength(char);
    if (bytes > MAX_DESCRIPTION_BYTES) break;
    cut += char;
  }
  return cut + ELLIPSIS;
}
