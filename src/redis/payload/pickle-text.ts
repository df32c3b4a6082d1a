import { UndecodablePayloadError } from './errors.js';
import { MAX_INTEGER_DIGITS } from './limits.js';

const INTEGER = /^[+-]?\d+$/;
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const OCTAL = /^[0-7]{1,3}/;
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
  return ascii(withoutEscapes(line.slice(1, -1)));
}

// By hand, as below: a regular expression with a callback takes seconds for a payload of escapes.
function withoutEscapes(line: string): string {
  let text = '';
  let start = 0;
  for (let at = line.indexOf('\\'); at !== -1; at = line.indexOf('\\', start)) {
    text += line.slice(start, at);
    const [char, end] = escapeAt(line, at);
    text += char;
    start = end;
  }
  return text + line.slice(start);
}

function escapeAt(line: string, at: number): [char: string, end: number] {
  const kind = line[at + 1] ?? '';
  if (kind === 'x') return [String.fromCharCode(codePoint(line, at + 2, at + 4)), at + 4];
  const octal = OCTAL.exec(line.slice(at + 1, at + 4))?.[0];
  if (octal !== undefined) {
    return [String.fromCharCode(Number.parseInt(octal, 8)), at + 1 + octal.length];
  }
  return [ESCAPED.get(kind) ?? `\\${kind}`, at + 2];
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
  let text = '';
  let start = 0;
  for (let at = line.indexOf('\\'); at !== -1; at = line.indexOf('\\', start)) {
    const kind = line[at + 1];
    const digits = kind === 'u' ? 4 : kind === 'U' ? 8 : 0;
    const end = at + 2 + digits;
    text += digits === 0 ? line.slice(start, end) : line.slice(start, at);
    if (digits > 0) text += String.fromCodePoint(codePoint(line, at + 2, end));
    start = end;
  }
  return text + line.slice(start);
}

function codePoint(line: string, start: number, end: number): number {
  let code = 0;
  for (let at = start; at < end; at++) code = code * 16 + hexDigit(line.charCodeAt(at));
  if (!(code <= 0x10ffff)) throw malformed('bad escape');
  return code;
}

function hexDigit(char: number): number {
  if (char >= 0x30 && char <= 0x39) return char - 0x30;
  const letter = char | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
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
