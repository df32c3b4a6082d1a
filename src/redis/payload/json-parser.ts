import { UndecodablePayloadError } from './errors.js';
import { MAX_INTEGER_DIGITS, type PayloadLimits } from './limits.js';
import { setOwn } from './plain.js';

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const CONSTANTS: readonly [string, unknown][] = [
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
];

/**
 * Checks depth and size before anything is built, and says whether the text needs `JsonParser`:
 * it has integers that `JSON.parse` would round, or the bare NaN and Infinity that Python writes.
 */
export function scanJson(text: string, limits: Readonly<PayloadLimits>): boolean {
  let depth = 0;
  let elements = 1;
  let isPythonOnly = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 0x22 /* " */) {
      at = endOfString(text, at);
      if (at === -1) return isPythonOnly;
    } else if (char === 0x2c /* , */ || char === 0x3a /* : */) {
      elements++;
    } else if (char === 0x5b /* [ */ || char === 0x7b /* { */) {
      const next = text.charCodeAt(at + 1);
      if (next !== 0x5d && next !== 0x7d) elements++;
      if (++depth > limits.maxDepth) throw tooDeep(limits);
    } else if (char === 0x5d /* ] */ || char === 0x7d /* } */) {
      depth--;
    } else if (isDigit(char)) {
      const start = at;
      while (isDigit(text.charCodeAt(at + 1))) at++;
      const next = text.charCodeAt(at + 1);
      if (next === 0x2e /* . */ || next === 0x65 /* e */ || next === 0x45 /* E */) {
        // The digits of a fraction are no integer, however many they are.
        do at++;
        while (isInFraction(text.charCodeAt(at + 1)));
      } else if (at - start >= 15) {
        isPythonOnly = true;
      }
    } else if (char === 0x4e /* N */ || char === 0x49 /* I */) {
      isPythonOnly = true;
    }
  }
  if (elements > limits.maxElements) {
    throw new UndecodablePayloadError('json', `more than ${limits.maxElements} elements`);
  }
  return isPythonOnly;
}

function isDigit(char: number): boolean {
  return char >= 0x30 && char <= 0x39;
}

function isInFraction(char: number): boolean {
  return isDigit(char) || char === 0x65 || char === 0x45 || char === 0x2b || char === 0x2d;
}

function tooDeep(limits: Readonly<PayloadLimits>): UndecodablePayloadError {
  return new UndecodablePayloadError('json', `nested deeper than ${limits.maxDepth}`);
}

/** Where the string that opens at `start` closes, or -1. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return -1;
}

/** Parses the JSON of Python's `json` module without loss. Slow; `scanJson` says when it is needed. */
export class JsonParser {
  private at = 0;
  private depth = 0;

  constructor(
    private readonly text: string,
    private readonly limits: Readonly<PayloadLimits>,
  ) {}

  parse(): unknown {
    const value = this.value();
    this.skipSpace();
    if (this.at < this.text.length) throw this.unexpected();
    return value;
  }

  private value(): unknown {
    this.skipSpace();
    const char = this.text[this.at];
    if (char === '"') return this.string();
    if (char === '[' || char === '{') {
      if (++this.depth > this.limits.maxDepth) throw tooDeep(this.limits);
      const container = char === '[' ? this.array() : this.object();
      this.depth--;
      return container;
    }
    for (const [name, constant] of CONSTANTS) {
      if (!this.text.startsWith(name, this.at)) continue;
      this.at += name.length;
      return constant;
    }
    return this.number();
  }

  private array(): unknown[] {
    const items: unknown[] = [];
    this.at++;
    if (this.skip(']')) return items;
    do items.push(this.value());
    while (this.skip(','));
    this.expect(']');
    return items;
  }

  private object(): Record<string, unknown> {
    const members: Record<string, unknown> = {};
    this.at++;
    if (this.skip('}')) return members;
    do {
      this.skipSpace();
      if (this.text[this.at] !== '"') throw this.unexpected();
      const key = this.string();
      this.expect(':');
      setOwn(members, key, this.value());
    } while (this.skip(','));
    this.expect('}');
    return members;
  }

  private string(): string {
    const start = this.at;
    const end = endOfString(this.text, start);
    if (end === -1) throw new UndecodablePayloadError('json', `string at ${start} has no end`);
    this.at = end + 1;
    try {
      return JSON.parse(this.text.slice(start, end + 1)) as string;
    } catch {
      // The engine's message quotes the string, and a payload does not belong into an error.
      throw new UndecodablePayloadError('json', `malformed string at ${start}`);
    }
  }

  private number(): number | bigint {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (match === null) throw this.unexpected();
    const [token, fraction, exponent] = match;
    this.at += token.length;
    const number = Number(token);
    const isInteger = fraction === undefined && exponent === undefined;
    if (!isInteger || Number.isSafeInteger(number)) return number;
    if (token.length > MAX_INTEGER_DIGITS) {
      throw new UndecodablePayloadError(
        'json',
        `integer of more than ${MAX_INTEGER_DIGITS} digits`,
      );
    }
    return BigInt(token);
  }

  private skip(char: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== char) return false;
    this.at++;
    return true;
  }

  private expect(char: string): void {
    if (!this.skip(char)) throw this.unexpected();
  }

  private skipSpace(): void {
    let char = this.text.charCodeAt(this.at);
    while (char === 0x20 || (char >= 0x09 && char <= 0x0d && char !== 0x0b && char !== 0x0c)) {
      char = this.text.charCodeAt(++this.at);
    }
  }

  private unexpected(): UndecodablePayloadError {
    const isEnd = this.at >= this.text.length;
    const what = isEnd ? 'text ends too early' : 'unexpected character';
    return new UndecodablePayloadError('json', `${what} at ${this.at}`);
  }
}
