import fc from 'fast-check';

/** A Python value in words that both sides can build, so that neither codec vouches for itself. */
export type Plain =
  | ['none']
  | ['bool', boolean]
  | ['int', string]
  /** 16 hex digits, highest byte first. */
  | ['float', string]
  | ['str', string]
  | ['bytes', string]
  | ['list' | 'tuple' | 'set', Plain[]]
  | ['dict', [Plain, Plain][]];

const text = fc.oneof(
  fc.string({ unit: 'grapheme-ascii', maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom(
      'a',
      "'",
      '"',
      '\\',
      '\n',
      '\x00',
      '\x1a',
      'é',
      '\u2028',
      '日',
      '😀',
      '_',
    ),
    maxLength: 8,
  }),
  fc.constantFrom('__proto__', 'constructor', 'toString', '', '\\u0041', '\ud83d', '\udc00x'),
);

const integer = fc.oneof(
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.bigInt({ min: -(2n ** 2100n), max: 2n ** 2100n }),
  fc.integer().map(BigInt),
  fc.integer({ min: -300, max: 70_000 }).map(BigInt),
  fc.constantFrom(-128n, -129n, 127n, 128n, 2n ** 31n, -(2n ** 31n), 2n ** 53n, 2n ** 53n - 1n),
);

const str = text.map((value): Plain => ['str', value]);
const int = integer.map((value): Plain => ['int', String(value)]);
const bytes = fc
  .uint8Array({ maxLength: 300 })
  .map((value): Plain => ['bytes', Buffer.from(value).toString('hex')]);
const float = fc.double().map((value): Plain => ['float', hexOf(value)]);
const jsonAtom = fc.oneof(
  fc.constant<Plain>(['none']),
  fc.boolean().map((value): Plain => ['bool', value]),
  int,
  float,
  str,
);
const hashable = fc.oneof(str, int, bytes);

function tree(withPickleOnly: boolean): fc.Arbitrary<Plain> {
  const atom = withPickleOnly ? fc.oneof(jsonAtom, bytes) : jsonAtom;
  return fc.letrec<{ value: Plain }>((tie) => {
    const items = fc.array(tie('value'), { maxLength: 5 });
    const dict = (key: fc.Arbitrary<Plain>) =>
      fc
        .uniqueArray(fc.tuple(key, tie('value')), { selector: ([k]) => `${k}`, maxLength: 5 })
        .map((members): Plain => ['dict', members]);
    const containers = [items.map((list): Plain => ['list', list]), dict(str)];
    if (withPickleOnly) {
      containers.push(items.map((list): Plain => ['tuple', list]));
      containers.push(dict(fc.oneof(int, bytes)));
      containers.push(
        fc
          .uniqueArray(hashable, { selector: (member) => `${member}`, maxLength: 4 })
          .map((members): Plain => ['set', members]),
      );
    }
    return { value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, atom, ...containers) };
  }).value;
}

/** Everything pickle has for plain data. */
export const picklable = tree(true);
/** What JSON has as well. */
export const jsonable = tree(false);

/** The value in JavaScript: what reading it has to give, and what writing it starts from. */
export function toJs(plain: Plain): unknown {
  switch (plain[0]) {
    case 'none':
      return null;
    case 'bool':
    case 'str':
      return plain[1];
    case 'int':
      return Number.isSafeInteger(Number(plain[1])) ? Number(plain[1]) : BigInt(plain[1]);
    case 'float':
      return Buffer.from(plain[1], 'hex').readDoubleBE();
    case 'bytes':
      return Buffer.from(plain[1], 'hex');
    case 'list':
    case 'tuple':
      return plain[1].map(toJs);
    case 'set':
      return new Set(plain[1].map(toJs));
    default:
      return dictToJs(plain[1]);
  }
}

function dictToJs(members: readonly [Plain, Plain][]): unknown {
  const entries = members.map(([key, value]): [unknown, unknown] => [toJs(key), toJs(value)]);
  const isText = entries.every(([key]) => typeof key === 'string');
  // Object.fromEntries defines own properties, also for `__proto__`.
  return isText ? Object.fromEntries(entries as [string, unknown][]) : new Map(entries);
}

/** What is left of a Python value after it was one of JavaScript: `1.0` is 1, a tuple is a list. */
export function asWritten(plain: Plain): Plain {
  switch (plain[0]) {
    case 'float': {
      const value = toJs(plain) as number;
      const isInt = Number.isSafeInteger(value) && !Object.is(value, -0);
      return isInt ? ['int', String(value)] : plain;
    }
    case 'list':
    case 'tuple':
      return ['list', plain[1].map(asWritten)];
    case 'dict':
      return ['dict', inOrderOfObject(plain[1]).map(([key, value]) => [key, asWritten(value)])];
    default:
      return plain;
  }
}

// An object of JavaScript puts keys like '7' in front of all others.
function inOrderOfObject(members: [Plain, Plain][]): [Plain, Plain][] {
  if (members.some(([key]) => key[0] !== 'str')) return members;
  const byKey = members.map(([key, value]) => [key[1] as string, [key, value]] as const);
  return Object.values(Object.fromEntries(byKey)) as [Plain, Plain][];
}

export function holds(plain: Plain, kind: Plain[0]): boolean {
  if (plain[0] === kind) return true;
  if (plain[0] === 'dict') return plain[1].flat().some((member) => holds(member, kind));
  const isList = plain[0] === 'list' || plain[0] === 'tuple' || plain[0] === 'set';
  return isList && plain[1].some((member) => holds(member, kind));
}

function hexOf(value: number): string {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleBE(value);
  return buffer.toString('hex');
}
