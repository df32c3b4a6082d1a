import { UndecodablePayloadError } from './errors.js';
import { MAX_INTEGER_DIGITS } from './limits.js';

const INTEGER = /^[+-]?\d+$/;
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const NOT_FINITE: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
};
const ESCAPED: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['v', '\v'],
]);

// The argument of a text opcode of protocol 0: one line, without its newline.

/** INT and LONG; the booleans are integers with a leading zero. */
export function integerOfLine(line: string): number | bigint | boolean {
  if (line === '00') return false;
  if (line === '01') return true;
  return integerOfDigits(line);
}

/** LONG: digits with an L, which newer writers leave out. */
export function longOfLine(line: string): number | bigint {
  return integerOfDigits(line.endsWith('L') ? line.slice(0, -1) : line);
}

function integerOfDigits(digits: string): number | bigint {
  if (digits.length > MAX_INTEGER_DIGITS) throw malformed(`more than ${MAX_INTEGER_DIGITS} digits`);
  if (!INTEGER.test(digits)) throw malformed('not an integer');
  const number = Number(digits);
  // `0 +` because -0 has no meaning among Python's integers.
  return Number.isSafeInteger(number) ? 0 + number : BigInt(digits);
}

export function floatOfLine(line: string): number {
  if (Object.hasOwn(NOT_FINITE, line)) return NOT_FINITE[line] as number;
  if (line.length > 400 || !FLOAT.test(line)) throw malformed('not a float');
  return Number(line);
}

/** STRING: the repr of a Python 2 string. As in Python 3, only ASCII. */
export function stringOfLine(line: string): string {
  const quote = line[0];
  const isQuoted = line.length >= 2 && (quote === "'" || quote === '"') && line.endsWith(quote);
  if (!isQuoted) throw malformed('string without quotes');
  const text = line
    .slice(1, -1)
    .replace(/\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(.))/gs, (whole, hex, octal, char) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      return ESCAPED.get(char) ?? whole;
    });
  return ascii(text);
}

/** STRING, BINSTRING and SHORT_BINSTRING hold bytes of an unknown encoding; Python 3 takes ASCII. */
export function ascii(latin1: string): string {
  for (let at = 0; at < latin1.length; at++) {
    if (latin1.charCodeAt(at) > 0x7f) throw malformed('Python 2 string that is not ASCII');
  }
  return latin1;
}

/** UNICODE: Python's raw-unicode-escape, where only \u and \U are escapes and the rest is latin 1. */
export function unicodeOfLine(line: string): string {
  return line.replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|.)/gs, (whole, short, long) => {
    const code = Number.parseInt(short ?? long ?? '', 16);
    if (code <= 0x10ffff) return String.fromCodePoint(code);
    if (whole === '\\u' || whole === '\\U' || long !== undefined) throw malformed('bad \\u escape');
    return whole;
  });
}

/** LONG1 and LONG4: two's complement, lowest byte first, as many bytes as it needs. */
export function longOfBytes(bytes: Buffer): number | bigint {
  if (bytes.length === 0) return 0;
  if (bytes.length <= 6) return bytes.readIntLE(0, bytes.length);
  const unsigned = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  const value = BigInt.asIntN(bytes.length * 8, unsigned);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The inverse of `longOfBytes`, in the fewest bytes. */
export function bytesOfLong(value: bigint): Buffer {
  const magnitude = (value < 0n ? ~value : value).toString(16);
  const topDigitBits = 32 - Math.clz32(Number.parseInt(magnitude.charAt(0), 16));
  const bits = (magnitude.length - 1) * 4 + topDigitBits;
  const size = (bits >> 3) + 1;
  const hex = BigInt.asUintN(size * 8, value)
    .toString(16)
    .padStart(size * 2, '0');
  return Buffer.from(hex, 'hex').reverse();
}

function malformed(reason: string): UndecodablePayloadError {
  return new UndecodablePayloadError('pickle', reason);
}
