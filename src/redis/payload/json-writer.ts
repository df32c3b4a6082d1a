import { UnserializableError } from './errors.js';
import { MAX_INTEGER_DIGITS, type PayloadLimits } from './limits.js';
import { kindOf, pathText } from './plain.js';

/**
 * Writes what `JSON.stringify` would lose or refuse: NaN and Infinity as Python's bare tokens, bigint
 * as digits. Keeps the rest of its rules (`toJSON`, no undefined members), but names what it cannot
 * write instead of dropping it. Slow; `json.ts` says when it is needed.
 */
export class JsonWriter {
  private readonly path: (string | number)[] = [];
  private readonly ancestors: unknown[] = [];
  private elements = 0;

  constructor(
    private readonly root: string,
    private readonly outerDepth: number,
    private readonly limits: Readonly<PayloadLimits>,
  ) {}

  /** @throws UnserializableError */
  write(value: unknown): string {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return this.count(JSON.stringify(value));
      case 'number':
        return this.count(numberText(value));
      case 'undefined':
        return this.count('null');
      case 'bigint':
        return this.count(this.integer(value));
      case 'object':
        return value === null ? this.count('null') : this.object(value);
      default:
        throw this.refuse(`is ${kindOf(value)}`);
    }
  }

  /** Where reading stands, for an error that came out of a getter or a `toJSON`. */
  refuse(reason: string, options?: ErrorOptions): UnserializableError {
    return new UnserializableError(pathText(this.root, this.path), reason, options);
  }

  private object(value: object): string {
    // Bytes come first: a Buffer has a `toJSON`, and its list of numbers is never what was meant.
    if (ArrayBuffer.isView(value)) throw this.refuse(`is ${kindOf(value)}; JSON has no bytes`);
    if (value instanceof Date && Number.isNaN(value.getTime())) {
      throw this.refuse('is an invalid Date');
    }
    this.enter(value);
    const text = this.container(value);
    this.ancestors.pop();
    return text;
  }

  private container(value: object): string {
    if ('toJSON' in value && typeof value.toJSON === 'function') {
      const replaced: unknown = value.toJSON(String(this.path.at(-1) ?? ''));
      return this.withoutToJson(replaced);
    }
    return this.members(value);
  }

  // The result of a toJSON is written as it is: asking it again is how `return this` would never end.
  private withoutToJson(value: unknown): string {
    const isObject = typeof value === 'object' && value !== null;
    if (!isObject) return this.write(value);
    if (value === this.ancestors.at(-1)) return this.members(value);
    if (ArrayBuffer.isView(value)) throw this.refuse(`is ${kindOf(value)}; JSON has no bytes`);
    this.enter(value);
    const text = this.members(value);
    this.ancestors.pop();
    return text;
  }

  private members(value: object): string {
    if (Array.isArray(value)) {
      const parts: string[] = [];
      for (let index = 0; index < value.length; index++) {
        parts.push(this.member(index, value[index]));
      }
      return `[${parts.join(',')}]`;
    }
    // A closed list: a Map, an Error, a Promise somebody forgot to await would all become `{}`.
    const tag = Object.prototype.toString.call(value);
    if (tag !== '[object Object]' && tag !== '[object Arguments]') {
      throw this.refuse(`is ${kindOf(value)}`);
    }
    const parts: string[] = [];
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue;
      parts.push(`${this.count(JSON.stringify(key))}:${this.member(key, member)}`);
    }
    return `{${parts.join(',')}}`;
  }

  private member(key: string | number, value: unknown): string {
    this.path.push(key);
    const text = this.write(value);
    this.path.pop();
    return text;
  }

  private enter(value: object): void {
    this.count('');
    if (this.ancestors.includes(value)) throw this.refuse('refers back to its own parent');
    this.ancestors.push(value);
    if (this.ancestors.length + this.outerDepth > this.limits.maxDepth) {
      throw this.refuse(`is nested deeper than ${this.limits.maxDepth}`);
    }
  }

  private integer(value: bigint): string {
    const digits = value.toString();
    if (digits.length > MAX_INTEGER_DIGITS) {
      throw this.refuse(`is an integer of more than ${MAX_INTEGER_DIGITS} digits`);
    }
    return digits;
  }

  private count(text: string): string {
    if (++this.elements > this.limits.maxElements) {
      throw this.refuse(`is one of more than ${this.limits.maxElements} elements`);
    }
    return text;
  }
}

// A number beyond 2^53 is a float whose printed digits are not its value (2**64 prints as
// 18446744073709552000), so it says that it is one. Python would take the digits for exact.
function numberText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    const text = String(value);
    return text.includes('e') ? text : `${text}.0`;
  }
  return String(value);
}
