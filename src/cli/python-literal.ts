import { setOwn } from '../redis/payload/plain.js';

const maxDepth = 64;
const numberPattern =
  /[+-]?\s*(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?)/y;
const stringStart = /([rRuUbB]{0,2})('''|"""|'|")/y;
const wordPattern = /[A-Za-z_]\w*/y;
const words: Readonly<Record<string, unknown>> = { True: true, False: false, None: null };
const simpleEscapes: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The text is no literal, or one of a kind that has no counterpart here. */
export class PythonLiteralError extends Error {
  override readonly name = 'PythonLiteralError';
  constructor(
    readonly reason: string,
    readonly at: number,
  ) {
    super(`${reason} at character ${at + 1}`);
  }
}

/**
 * The value of a Python literal, as Python's `ast.literal_eval` reads it: numbers, strings, bytes, True, False,
 * None, lists, tuples (which become arrays), dicts and sets. Large integers become bigint. No complex numbers,
 * no f-strings.
 *
 * @throws PythonLiteralError
 */
export const parsePythonLiteral = (text: string): unknown => {
  const reader = new LiteralReader(text);
  const value = reader.value(0);
  reader.end();
  return value;
};

class LiteralReader {
  private at = 0;

  constructor(private readonly text: string) {}

  end(): void {
    this.skipSpace();
    if (this.at < this.text.length) throw this.wrong('there is more than one value');
  }

  value(depth: number): unknown {
    this.skipSpace();
    if (depth > maxDepth) throw this.wrong('nested too deep');
    const char = this.text[this.at];
    if (char === undefined) throw this.wrong('a value is missing');
    if (char === '[') return this.items(']', depth).items;
    if (char === '(') return this.tuple(depth);
    if (char === '{') return this.dictOrSet(depth);
    const string = this.match(stringStart);
    if (string) return this.strings(string);
    const number = this.match(numberPattern);
    if (number) return this.number(number[0]);
    const word = this.match(wordPattern);
    if (word && Object.hasOwn(words, word[0])) return words[word[0]];
    throw this.wrong(word ? `${word[0].slice(0, 40)} is no literal` : 'this is no literal');
  }

  private tuple(depth: number): unknown {
    const { items, hadComma } = this.items(')', depth);
    // Round brackets alone only group.
    return items.length === 1 && !hadComma ? items[0] : items;
  }

  private items(close: string, depth: number): { items: unknown[]; hadComma: boolean } {
    this.at += 1;
    const items: unknown[] = [];
    let hadComma = false;
    for (;;) {
      if (this.skip(close)) return { items, hadComma };
      if (items.length > 0 && !hadComma) throw this.wrong(`, or ${close} is missing`);
      items.push(this.value(depth + 1));
      hadComma = this.skip(',');
    }
  }

  private dictOrSet(depth: number): unknown {
    this.at += 1;
    if (this.skip('}')) return {};
    const entries: Array<[unknown, unknown]> = [];
    const members: unknown[] = [];
    for (;;) {
      const key = this.value(depth + 1);
      if (this.skip(':')) entries.push([key, this.value(depth + 1)]);
      else members.push(key);
      if (entries.length > 0 && members.length > 0)
        throw this.wrong('it is neither a dict nor a set');
      const hadComma = this.skip(',');
      if (this.skip('}')) return members.length > 0 ? new Set(members) : dictOf(entries);
      if (!hadComma) throw this.wrong(', or } is missing');
    }
  }

  private number(text: string): unknown {
    if (/[jJ\w.]/.test(this.text[this.at] ?? ''))
      throw this.wrong('this number has no counterpart in JSON');
    const plain = text.replace(/[\s_]/g, '');
    if (/[.]|^[+-]?\d+[eE]/.test(plain) && !/^[+-]?0[xX]/.test(plain)) return Number(plain);
    const negative = plain.startsWith('-');
    const digits = plain.replace(/^[+-]/, '');
    if (/^0\d*[1-9]/.test(digits)) throw this.wrong('a number may not begin with 0');
    if (!/[\da-f]$/i.test(text) || /__/.test(text))
      throw this.wrong('_ may only stand between two digits');
    const value = negative ? -BigInt(digits) : BigInt(digits);
    const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
    return isSafe ? Number(value) : value;
  }

  // Strings beside each other are one string.
  private strings(first: RegExpExecArray): string | Buffer {
    const isBytes = /b/i.test(first[1] as string);
    let whole = '';
    for (let start: RegExpExecArray | null = first; start; start = this.match(stringStart)) {
      if (/b/i.test(start[1] as string) !== isBytes)
        throw this.wrong('bytes and text cannot be joined');
      whole += this.string(start[2] as string, /r/i.test(start[1] as string), isBytes);
      this.skipSpace();
    }
    return isBytes ? Buffer.from(whole, 'latin1') : whole;
  }

  private string(quote: string, isRaw: boolean, isBytes: boolean): string {
    let value = '';
    for (;;) {
      if (this.at >= this.text.length) throw this.wrong(`the closing ${quote} is missing`);
      if (this.text.startsWith(quote, this.at)) {
        this.at += quote.length;
        return value;
      }
      const char = this.text[this.at] as string;
      if (char === '\n' && quote.length === 1) throw this.wrong('a line ends within a string');
      if (isBytes && char > '\x7f') throw this.wrong('bytes hold ASCII only');
      this.at += 1;
      if (char !== '\\') value += char;
      else if (isRaw) {
        value += `\\${this.text[this.at] ?? ''}`;
        this.at += 1;
      } else value += this.escape(isBytes);
    }
  }

  private escape(isBytes: boolean): string {
    const char = this.text[this.at] ?? '';
    const simple = simpleEscapes[char];
    if (simple !== undefined) {
      this.at += 1;
      return simple;
    }
    const code = this.match(
      isBytes ? /x([\da-fA-F]{2})/y : /x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})/y,
    );
    if (code) {
      const point = Number.parseInt((code[1] ?? code[2] ?? code[3]) as string, 16);
      if (point > 0x10ffff) throw this.wrong('there is no such character');
      return String.fromCodePoint(point);
    }
    const octal = this.match(/[0-7]{1,3}/y);
    if (octal) return String.fromCharCode(Number.parseInt(octal[0], 8));
    if (/[xuUN]/.test(char)) throw this.wrong(`\\${char} is not complete, or not supported`);
    // Python keeps the backslash of an escape that it does not know.
    return '\\';
  }

  private skipSpace(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at += 1;
  }

  private skip(char: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== char) return false;
    this.at += 1;
    return true;
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match) this.at = pattern.lastIndex;
    return match;
  }

  private wrong(reason: string): PythonLiteralError {
    return new PythonLiteralError(reason, this.at);
  }
}

const dictOf = (entries: Array<[unknown, unknown]>): unknown => {
  if (!entries.every(([key]) => typeof key === 'string')) return new Map(entries);
  const dict: Record<string, unknown> = {};
  for (const [key, value] of entries) setOwn(dict, key as string, value);
  return dict;
};
