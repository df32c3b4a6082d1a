import { UndecodablePayloadError, UnserializableError } from './errors.js';
import { JsonParser, scanJson } from './json-parser.js';
import { JsonWriter } from './json-writer.js';
import { type PayloadLimits, payloadLimits } from './limits.js';
import { strictUtf8 } from './utf8.js';

/**
 * RQ's JSON, as Python's `json` module reads it: bare NaN and Infinity, and integers beyond 2^53, which
 * become bigint and are never rounded. A key `__proto__` is an own property like any other.
 *
 * @throws UndecodablePayloadError layer `json`
 */
export function parseJson(bytes: Uint8Array, limits?: Partial<PayloadLimits>): unknown {
  const bounds = payloadLimits(limits);
  if (bytes.length > bounds.maxBytes) {
    throw new UndecodablePayloadError(
      'json',
      `${bytes.length} bytes, more than ${bounds.maxBytes}`,
    );
  }
  const text = strictUtf8(bytes);
  if (text === null) throw new UndecodablePayloadError('json', 'not UTF-8');
  if (!scanJson(text, bounds)) {
    try {
      return JSON.parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      // Parsed once more below: the engine's own message quotes the payload.
    }
  }
  return new JsonParser(text, bounds).parse();
}

export interface StringifyOptions {
  /** What the value is called in the path of an error. */
  root?: string;
  /** Containers around this value in the payload it becomes a part of. */
  outerDepth?: number;
  limits?: Partial<PayloadLimits> | undefined;
}

/**
 * Text that Python's `json` module reads as the same value: NaN and Infinity as bare tokens, bigint as
 * digits. `toJSON` is honoured, so a Date becomes its ISO text. undefined is null, as a member it is left out.
 *
 * @throws UnserializableError for functions, symbols, bytes, Map, Set and other classes of the language, cycles
 */
export function stringifyJson(value: unknown, options: StringifyOptions = {}): string {
  const { root = 'value', outerDepth = 0 } = options;
  const limits = payloadLimits(options.limits);
  let writer: JsonWriter | undefined;
  try {
    elementsLeft = limits.maxElements;
    if (isPlain(value, limits.maxDepth - outerDepth)) return JSON.stringify(value ?? null);
    writer = new JsonWriter(root, outerDepth, limits);
    return writer.write(value);
  } catch (error) {
    if (error instanceof UnserializableError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    writer ??= new JsonWriter(root, outerDepth, limits);
    throw writer.refuse(`could not be read: ${message}`, { cause: error });
  }
}

let elementsLeft = 0;

// JSON.stringify silently turns NaN into null, drops functions and rounds -0 to 0. So it only gets
// values that were walked and hold nothing of that kind; a cycle runs out of depth and is not plain.
function isPlain(value: unknown, depthLeft: number): boolean {
  if (--elementsLeft < 0) return false;
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return true;
    case 'number':
      return isPlainNumber(value);
    case 'object':
      return value === null || (depthLeft > 0 && isPlainContainer(value, depthLeft - 1));
    default:
      return false;
  }
}

function isPlainNumber(value: number): boolean {
  const isInRange = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
  return isInRange && (value !== 0 || 1 / value > 0);
}

function isPlainContainer(value: object, depthLeft: number): boolean {
  if ('toJSON' in value) return false;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      if (!isPlain(value[index], depthLeft)) return false;
    }
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key in value) {
    elementsLeft--;
    if (!isPlain((value as Record<string, unknown>)[key], depthLeft)) return false;
  }
  return true;
}
