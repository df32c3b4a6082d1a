import { isPlainObject, kindOf } from './plain.js';

const NAMED: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
};
const PLAIN = /^[\x20-\x26\x28-\x5b\x5d-\x7e]*$/;
// str.isprintable(): everything of Unicode's categories "other" and "separator" but the space.
const UNPRINTABLE = /[\p{C}\p{Z}\\]/gu;

/**
 * Python's `repr()` of plain data, as RQ shows arguments. Stops soon after `maxChars`, so that a
 * description never walks a megabyte of arguments; a cycle ends there too. Never throws.
 */
export function pythonRepr(value: unknown, maxChars = Number.POSITIVE_INFINITY): string {
  const repr = new Repr(maxChars);
  repr.write(value);
  return repr.text;
}

class Repr {
  text = '';

  constructor(private readonly maxChars: number) {}

  write(value: unknown): void {
    try {
      this.value(value);
    } catch {
      // A getter or toJSON of the caller's; the description is for humans and encoding names the error.
      this.text += '<unreadable>';
    }
  }

  private get isFull(): boolean {
    return this.text.length > this.maxChars * 2;
  }

  private value(value: unknown): void {
    switch (typeof value) {
      case 'undefined':
        this.text += 'None';
        break;
      case 'boolean':
        this.text += value ? 'True' : 'False';
        break;
      case 'number':
        this.text += numberRepr(value);
        break;
      case 'bigint':
        this.text += String(value);
        break;
      case 'string':
        this.text += stringRepr(value, this.maxChars);
        break;
      case 'object':
        if (value === null) this.text += 'None';
        else this.object(value);
        break;
      default:
        this.text += `<${kindOf(value)}>`;
    }
  }

  private object(value: object): void {
    if (value instanceof Uint8Array) this.text += bytesRepr(value, this.maxChars);
    else if (Array.isArray(value)) this.items('[', value, ']');
    else if (value instanceof Set) this.set(value);
    else if (value instanceof Map) this.dict(value.entries());
    else if ('toJSON' in value && typeof value.toJSON === 'function')
      this.text += replacedRepr(value.toJSON(''), this.maxChars);
    else if (isPlainObject(value))
      this.dict(Object.entries(value).filter(([, member]) => member !== undefined));
    else this.text += `<${kindOf(value)}>`;
  }

  private set(members: ReadonlySet<unknown>): void {
    if (members.size === 0) this.text += 'set()';
    else this.items('{', members, '}');
  }

  private items(opening: string, items: Iterable<unknown>, closing: string): void {
    let separator = opening;
    for (const item of items) {
      if (this.isFull) return;
      this.text += separator;
      this.value(item);
      separator = ', ';
    }
    this.text += separator === opening ? opening + closing : closing;
  }

  private dict(members: Iterable<readonly [unknown, unknown]>): void {
    let separator = '{';
    for (const [key, member] of members) {
      if (this.isFull) return;
      this.text += separator;
      this.value(key);
      this.text += ': ';
      this.value(member);
      separator = ', ';
    }
    this.text += separator === '{' ? '{}' : '}';
  }
}

// A toJSON that returns its own object would ask itself again for ever.
function replacedRepr(value: unknown, maxChars: number): string {
  const isObject = typeof value === 'object' && value !== null;
  return isObject ? `<${kindOf(value)}>` : pythonRepr(value, maxChars);
}

function numberRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return String(value);
  return floatRepr(value);
}

/** Both languages print the shortest digits that lead back to the value, but lay them out differently. */
function floatRepr(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const [mantissa = '0', exponentText = '0'] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    const exponentDigits = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${exponentDigits}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

/** Text that Python prints unchanged, between single quotes. */
export function isPrintedAsItIs(text: string): boolean {
  return PLAIN.test(text);
}

function stringRepr(value: string, maxChars: number): string {
  // Most texts; the general way costs ten times as much.
  if (value.length <= maxChars * 2 && isPrintedAsItIs(value)) return `'${value}'`;
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  const head = value.length > maxChars * 2 ? value.slice(0, maxChars * 2 + 2) : value;
  const escaped = head.replace(UNPRINTABLE, (char) => (char === ' ' ? char : escapedChar(char)));
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

function escapedChar(char: string): string {
  const named = NAMED[char];
  if (named !== undefined) return named;
  const code = char.codePointAt(0) as number;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

function bytesRepr(bytes: Uint8Array, maxChars: number): string {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  let text = '';
  for (const byte of bytes.subarray(0, Math.min(bytes.length, maxChars + 1))) {
    const char = String.fromCharCode(byte);
    if (char === quote) text += `\\${quote}`;
    else text += char === '\\' || byte < 0x20 || byte > 0x7e ? escapedChar(char) : char;
  }
  return `b${quote}${text}${quote}`;
}
