import { UnserializableError } from './errors.js';
import { type PayloadLimits, payloadLimits } from './limits.js';
import { PickleBytes } from './pickle-bytes.js';
import { isPlainObject, kindOf, pathText } from './plain.js';

export interface PickleOptions {
  /** What the value is called in the path of an error. */
  root?: string;
  /** A list at the top becomes a tuple, as RQ writes `args`. */
  tuple?: boolean;
  /** Containers around this value in the pickle it becomes a part of. */
  outerDepth?: number;
}

/** One value as pickle of protocol 2, which every Python reads; with bytes in it 3, with sets 4. */
export function writePickle(
  value: unknown,
  options: PickleOptions & { limits?: Partial<PayloadLimits> } = {},
): Buffer {
  const writer = new PickleWriter(options.limits);
  writer.write(value, options);
  return writer.bytes.finish();
}

/**
 * Writes plain data as pickle, several values one after the other when they are parts of a tuple.
 * Integers up to 2^53 and bigint become int, other numbers float. undefined is None, and as a member of
 * an object it is left out, as in JSON, so that a call means the same with both serializers.
 *
 * @throws UnserializableError for functions, symbols, Date, class instances, cycles
 */
export class PickleWriter {
  readonly bytes: PickleBytes;
  private readonly limits: Readonly<PayloadLimits>;
  private readonly path: unknown[] = [];
  private readonly ancestors: unknown[] = [];
  private root = 'value';
  private outerDepth = 0;
  private elements = 0;

  constructor(limits?: Partial<PayloadLimits>) {
    this.limits = payloadLimits(limits);
    this.bytes = new PickleBytes(this.limits);
  }

  write(
    value: unknown,
    { root = 'value', tuple = false, outerDepth = 0 }: PickleOptions = {},
  ): void {
    this.root = root;
    this.outerDepth = outerDepth;
    try {
      if (tuple && Array.isArray(value)) this.tuple(value, false);
      else this.value(value);
    } catch (error) {
      if (error instanceof UnserializableError) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw this.refusal(`could not be read: ${message}`, { cause: error });
    }
  }

  private value(value: unknown): void {
    this.count();
    switch (typeof value) {
      case 'undefined':
        this.bytes.opcode(0x4e); // NONE
        break;
      case 'boolean':
        this.bytes.opcode(value ? 0x88 : 0x89); // NEWTRUE, NEWFALSE
        break;
      case 'number':
        this.refuseFor(this.bytes.number(value));
        break;
      case 'bigint':
        this.refuseFor(this.bytes.integer(value));
        break;
      case 'string':
        this.refuseFor(this.bytes.text(value));
        break;
      case 'object':
        if (value === null)
          this.bytes.opcode(0x4e); // NONE
        else this.object(value);
        break;
      default:
        throw this.refusal(`is ${kindOf(value)}`);
    }
  }

  private object(value: object): void {
    if (value instanceof Uint8Array) this.refuseFor(this.bytes.binary(value));
    else if (Array.isArray(value)) this.list(value);
    else if (value instanceof Map) this.dict(value, value);
    else if (value instanceof Set) this.set(value, 0x90 /* ADDITEMS */);
    else if (!isPlainObject(value)) throw this.refusal(`is ${kindOf(value)}`);
    else this.dict(value, new Map(Object.entries(value).filter(isPresent)));
  }

  /** A dict key or a member of a set: Python asks that it can be hashed, so lists become tuples. */
  private hashable(value: unknown): void {
    if (Array.isArray(value)) {
      this.count();
      this.tuple(value, true);
    } else if (value instanceof Set) {
      this.count();
      this.set(value, 0x91 /* FROZENSET */);
    } else if (typeof value !== 'object' || value === null || value instanceof Uint8Array) {
      this.value(value);
    } else {
      throw this.refusal(`is ${kindOf(value)}, which Python cannot hash`);
    }
  }

  private list(items: readonly unknown[]): void {
    this.enter(items);
    this.bytes.opcode(0x5d); // EMPTY_LIST
    if (items.length > 1) this.bytes.opcode(0x28); // MARK
    for (let index = 0; index < items.length; index++) this.member(index, items[index], false);
    if (items.length > 0) this.bytes.opcode(items.length > 1 ? 0x65 : 0x61); // APPENDS, APPEND
    this.ancestors.pop();
  }

  private tuple(items: readonly unknown[], isHashed: boolean): void {
    this.enter(items);
    const isShort = items.length <= 3;
    if (!isShort) this.bytes.opcode(0x28); // MARK
    for (let index = 0; index < items.length; index++) this.member(index, items[index], isHashed);
    if (items.length === 0)
      this.bytes.opcode(0x29); // EMPTY_TUPLE
    else this.bytes.opcode(isShort ? 0x84 + items.length : 0x74); // TUPLE1 to TUPLE3, TUPLE
    this.ancestors.pop();
  }

  private dict(source: object, members: ReadonlyMap<unknown, unknown>): void {
    this.enter(source);
    this.bytes.opcode(0x7d); // EMPTY_DICT
    if (members.size > 1) this.bytes.opcode(0x28); // MARK
    for (const [key, member] of members) {
      this.member(key, key, true);
      this.member(key, member, false);
    }
    if (members.size > 0) this.bytes.opcode(members.size > 1 ? 0x75 : 0x73); // SETITEMS, SETITEM
    this.ancestors.pop();
  }

  private set(members: ReadonlySet<unknown>, closing: 0x90 | 0x91): void {
    this.enter(members);
    this.bytes.needProtocol(4);
    if (closing === 0x90) this.bytes.opcode(0x8f); // EMPTY_SET
    this.bytes.opcode(0x28); // MARK
    for (const member of members) this.member(member, member, true);
    this.bytes.opcode(closing);
    this.ancestors.pop();
  }

  private member(segment: unknown, value: unknown, isHashed: boolean): void {
    this.path.push(segment);
    if (isHashed) this.hashable(value);
    else this.value(value);
    this.path.pop();
  }

  private enter(container: object): void {
    if (this.ancestors.includes(container)) throw this.refusal('refers back to its own parent');
    this.ancestors.push(container);
    if (this.ancestors.length + this.outerDepth > this.limits.maxDepth) {
      throw this.refusal(`is nested deeper than ${this.limits.maxDepth}`);
    }
  }

  private count(): void {
    if (++this.elements > this.limits.maxElements) {
      throw this.refusal(`is one of more than ${this.limits.maxElements} elements`);
    }
  }

  private refuseFor(reason: string | null): void {
    if (reason !== null) throw this.refusal(reason);
  }

  private refusal(reason: string, options?: ErrorOptions): UnserializableError {
    return new UnserializableError(pathText(this.root, this.path), reason, options);
  }
}

function isPresent([, member]: readonly [string, unknown]): boolean {
  return member !== undefined;
}
