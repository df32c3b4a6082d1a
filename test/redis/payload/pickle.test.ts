import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { UndecodablePayloadError } from '../../../src/redis/payload/errors.js';
import { readPickle } from '../../../src/redis/payload/pickle-reader.js';
import { writePickle } from '../../../src/redis/payload/pickle-writer.js';
import { picklable, toJs } from './plain-data.js';

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const read = (text: string) => readPickle(latin1(text));

describe('readPickle', () => {
  it.each([
    ['N.', null],
    ['I01\n.', true],
    ['I00\n.', false],
    ['I-7\n.', -7],
    ['I9007199254740993\n.', 9007199254740993n],
    ['L5L\n.', 5],
    ['L-123456789012345678901234567890L\n.', -123456789012345678901234567890n],
    ['F1.5\n.', 1.5],
    ['F1e+300\n.', 1e300],
    ['F-inf\n.', Number.NEGATIVE_INFINITY],
    ['Fnan\n.', Number.NaN],
    ['Va\\u00e9\\U0001f600\\u005cu\n.', 'aé😀\\u'],
    ['V\\\\u0041\xe9\n.', '\\\\u0041é'],
    ["S'\\q\\0\\0012\\x7f\\\\'\n.", '\\q\0\u00012\x7f\\'],
    ["S'it\\'s \\x41\\n\\101'\n.", "it's A\nA"],
    ['U\x02ab.', 'ab'],
    ['\x80\x02\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.', -(2n ** 63n)],
    ['\x80\x02\x8a\x00.', 0],
    ['\x80\x02\x8a\x01\x80.', -128],
    ['\x80\x02\x8a\x07\xff\xff\xff\xff\xff\xff\x1f.', 9007199254740991],
    ['\x80\x02\x8b\x01\x00\x00\x00\xff.', -1],
    ['(lp0\nI1\naI2\na.', [1, 2]],
    ["(dp0\nS'a'\nI1\ns.", { a: 1 }],
    ['(I1\nI2\nt.', [1, 2]],
    [
      '(I1\nI2\nI3\nI4\nd.',
      new Map([
        [1, 2],
        [3, 4],
      ]),
    ],
    ['\x80\x04\x8f(K\x01K\x02\x90.', new Set([1, 2])],
    ['\x80\x04(K\x01\x91.', new Set([1])],
    ['\x80\x05\x96\x02\x00\x00\x00\x00\x00\x00\x00ab.', Buffer.from('ab')],
    ['\x80\x03X\x03\x00\x00\x00\xed\xa0\xbd.', '\ud83d'],
  ])('reads %j', (text, value) => {
    expect(read(text)).toEqual(value);
  });

  it.each([
    ['0.', 'POP'],
    ['(1.', 'POP_MARK'],
    ['N2.', 'DUP'],
    ['Pid\n.', 'PERSID'],
    ['NQ.', 'BINPERSID'],
    ['))R.', 'REDUCE'],
    [')}b.', 'BUILD'],
    ['cposix\nsystem\n.', 'GLOBAL (posix.system)'],
    ['(iposix\nsystem\n.', 'INST (posix.system)'],
    ['(No.', 'OBJ'],
    ['))\x81.', 'NEWOBJ'],
    ['\x82\x01.', 'EXT1'],
    ['\x83\x01\x00.', 'EXT2'],
    ['\x84\x01\x00\x00\x00.', 'EXT4'],
    [')))\x92.', 'NEWOBJ_EX'],
    ['\x8c\x05posix\x8c\x06sy\x00tem\x93.', 'STACK_GLOBAL (posix.sy?tem)'],
    ['\x97.', 'NEXT_BUFFER'],
    ['N\x98.', 'READONLY_BUFFER'],
  ])('refuses %j', (text, name) => {
    expect(reasonOf(latin1(text))).toBe(`pickle opcode ${name}`);
  });

  it.each([
    ['datetime, protocol 0', 'DATETIME0'],
    ['datetime, protocol 5', 'DATETIME5'],
    ['os.system, protocol 2', 'EVIL2'],
    ['os.system, protocol 5', 'EVIL5'],
  ])('says which class %s wants', (_name, fixture) => {
    expect(reasonOf(Buffer.from(fixtures[fixture] as string, 'hex'))).toMatch(
      /^pickle opcode (STACK_)?GLOBAL \((datetime\.datetime|copy_reg\._reconstructor|posix\.system)\)$/,
    );
  });

  it.each([
    ['', 'truncated'],
    ['.', 'stack is empty'],
    ['NN.', 'more than one value'],
    ['N.x', '1 bytes after the end'],
    ['\x80\x06N.', 'unknown protocol 6'],
    ['\xff.', 'unknown pickle opcode 0xff'],
    ['Ka', 'truncated'],
    ['t.', 'no mark'],
    ['N(a.', 'stack is empty'],
    ['NK\x01a.', 'items for a list'],
    [')K\x01a.', 'items for a list'],
    ['}(K\x01u.', 'a dict key without a value'],
    ['N\x94\x94.', 'memo is too large'],
    ['V\\u00g1\n.', 'bad escape'],
    ['V\\u00\n.', 'bad escape'],
    ['V\\U00110000\n.', 'bad escape'],
    ['h\x05.', 'memo has no slot 5'],
    ['I12x\n.', 'not an integer'],
    ['F1_0\n.', 'not a float'],
    ['Sabc\n.', 'string without quotes'],
    ["S'\\x4g'\n.", 'bad escape'],
    ["S'\xe9'\n.", 'not ASCII'],
    ['X\x01\x00\x00\x00\xff.', 'not UTF-8'],
    ['X\xff\xff\xff\x7fa.', 'truncated: 2147483647 bytes announced'],
    ['\x8d\x00\x00\x00\x00\x01\x00\x00\x00a.', 'beyond 4 GiB'],
    ['\x95\xff\x00\x00\x00\x00\x00\x00\x00N.', 'truncated'],
    ['\x8b\xff\xff\xff\xffa.', 'integer of -1 bytes'],
    ['\x8b\x00\x00\x00\x01a.', 'integer of 16777216 bytes'],
    [`I${'1'.repeat(5000)}\n.`, 'more than 4300 digits'],
    ['I1', 'a line has no end'],
  ])('names the damage of %j', (text, reason) => {
    expect(reasonOf(latin1(text))).toContain(reason);
  });

  it('refuses a container inside itself', () => {
    expect(reasonOf(latin1(']q\x00h\x00a.'))).toBe('a list contains itself');
    expect(reasonOf(latin1('}q\x00K\x01h\x00s.'))).toBe('a dict contains itself');
    expect(reasonOf(latin1(']q\x00h\x00\x85a.'))).toBe('a list contains itself');
  });

  it('limits depth, elements and size', () => {
    const tuples = (depth: number) => latin1(`)${'\x85'.repeat(depth - 1)}.`);
    const lists = (depth: number) => latin1(`${']'.repeat(depth)}${'a'.repeat(depth - 1)}.`);
    expect(() => readPickle(tuples(200))).not.toThrow();
    expect(() => readPickle(lists(200))).not.toThrow();
    expect(reasonOf(tuples(201))).toBe('nested deeper than 200');
    expect(reasonOf(lists(201))).toBe('nested deeper than 200');
    expect(reasonOf(tuples(900_000))).toBe('nested deeper than 200');
    expect(reasonOf(lists(500_000))).toBe('nested deeper than 200');
    expect(reasonOf(latin1(`(${'N'.repeat(1_000_001)}t.`))).toBe('more than 1000000 elements');
    expect(reasonOf(latin1(`${'('.repeat(1_000_002)}.`))).toBe('too many marks');
    expect(() => readPickle(latin1('N.'), { maxBytes: 1 })).toThrow('2 bytes, more than 1');
  });

  it('counts shared lists each time, and quickly', () => {
    let laughs = ']q\x00N'.concat('a');
    for (let level = 1; level < 60; level++) {
      const slot = String.fromCharCode(level - 1);
      laughs += `](${`h${slot}`.repeat(10)}eq${String.fromCharCode(level)}`;
    }
    laughs = `(${laughs}t.`;
    expect(reasonOf(latin1(laughs))).toBe('more than 1000000 elements');
  });

  it('throws nothing but its own error for mutated pickles', () => {
    const mutation = fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'cut', 'insert'));
    fc.assert(
      fc.property(
        picklable,
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        (plain, mutations) => {
          let bytes = writePickle(toJs(plain));
          for (const [place, byte, how] of mutations) bytes = mutated(bytes, place, byte, how);
          expectTypedErrorOrValue(bytes);
        },
      ),
      { numRuns: 5000 },
    );
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...opcodes), { maxLength: 40 }), (bytes) => {
        expectTypedErrorOrValue(Buffer.from([...bytes, 0x2e]));
      }),
      { numRuns: 5000 },
    );
  });
});

describe('writePickle', () => {
  it('is read back as the same value', () => {
    fc.assert(
      fc.property(picklable, (plain) => {
        const value = toJs(plain);
        expect(readPickle(writePickle(value))).toEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  it('uses the lowest protocol that has what it needs', () => {
    const protocolOf = (value: unknown) => writePickle(value)[1];
    expect(protocolOf([1, 'x', { a: 1.5 }])).toBe(2);
    expect(protocolOf([Buffer.from('x')])).toBe(3);
    expect(protocolOf([new Set([Buffer.from('x')])])).toBe(4);
  });

  it('writes keys and members of sets in forms that Python can hash', () => {
    const value = new Map<unknown, unknown>([
      [[1, [2]], 'tuple'],
      [new Set([1]), 'frozenset'],
    ]);
    expect(readPickle(writePickle(value))).toEqual(value);
    expect(() => writePickle(new Set([{ a: 1 }]))).toThrow(
      'is an object, which Python cannot hash',
    );
    expect(() => writePickle(new Set([new Map()]))).toThrow('is a Map, which Python cannot hash');
  });

  it('writes undefined as None and leaves out undefined members', () => {
    expect(readPickle(writePickle([undefined, { a: undefined, b: 1 }]))).toEqual([null, { b: 1 }]);
    expect(Object.keys(readPickle(writePickle({ a: undefined })) as object)).toEqual([]);
  });

  it.each([
    [new Date(), 'value is a Date'],
    [new (class Invoice {})(), 'value is an instance of Invoice'],
    [{ list: [new Float32Array(1)] }, 'value.list[0] is a Float32Array'],
    [new Map([['a', { f: () => 1 }]]), 'value.a.f is a function'],
  ])('refuses %p', (value, message) => {
    expect(() => writePickle(value)).toThrow(message);
  });

  it('does not expand shared lists without end', () => {
    let shared: unknown[] = [1];
    for (let level = 0; level < 30; level++) shared = [shared, shared, shared];
    expect(() => writePickle(shared)).toThrow('more than 1000000 elements');
  });
});

const fixtures: Record<string, string> = {
  DATETIME0:
    '636461746574696d650a6461746574696d650a70300a28635f636f646563730a656e636f64650a70310a285607ea01025c75303030305c75303030305c75303030305c75303030305c75303030305c75303030300a70320a566c6174696e310a70330a7470340a5270350a7470360a5270370a2e',
  DATETIME5:
    '8005952a000000000000008c086461746574696d65948c086461746574696d65949394430a07ea010200000000000094859452942e',
  EVIL2: '800263706f7369780a73797374656d0a7100580a0000006563686f2070776e656471018571025271032e',
  EVIL5:
    '80059525000000000000008c05706f736978948c0673797374656d9493948c0a6563686f2070776e656494859452942e',
};

// Without those that take a long argument, so that random sequences get far.
const opcodes = [
  0x28, 0x29, 0x4e, 0x5d, 0x61, 0x64, 0x65, 0x6c, 0x73, 0x74, 0x75, 0x7d, 0x85, 0x86, 0x87, 0x88,
  0x8f, 0x90, 0x91, 0x94, 0x68, 0x71, 0x00, 0x01,
];

function mutated(bytes: Buffer, place: number, byte: number, how: string): Buffer {
  const at = place % Math.max(bytes.length, 1);
  const rest = bytes.subarray(how === 'insert' ? at : at + 1);
  if (how === 'cut') return Buffer.concat([bytes.subarray(0, at), rest]);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from([byte]), rest]);
}

function expectTypedErrorOrValue(bytes: Buffer): void {
  try {
    readPickle(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(UndecodablePayloadError);
  }
}

function reasonOf(bytes: Buffer): string {
  try {
    readPickle(bytes);
  } catch (error) {
    if (error instanceof UndecodablePayloadError) return error.reason;
    throw error;
  }
  return 'read';
}
