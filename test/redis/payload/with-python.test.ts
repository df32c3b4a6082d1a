import { spawnSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeCall } from '../../../src/redis/payload/call.js';
import { pythonRepr } from '../../../src/redis/payload/python-repr.js';
import { decodeValue, encodeValue } from '../../../src/redis/payload/value.js';
import { asWritten, holds, jsonable, type Plain, picklable, toJs } from './plain-data.js';

const prelude = `
import base64, json, pickle, pickletools, struct, sys
def build(plain):
    kind, content = plain[0], plain[1] if len(plain) > 1 else None
    if kind == 'none': return None
    if kind in ('bool', 'str'): return content
    if kind == 'int': return int(content)
    if kind == 'float': return struct.unpack('>d', bytes.fromhex(content))[0]
    if kind == 'bytes': return bytes.fromhex(content)
    if kind == 'list': return [build(item) for item in content]
    if kind == 'tuple': return tuple(build(item) for item in content)
    if kind == 'set': return set(build(item) for item in content)
    return {build(key): build(value) for key, value in content}
def same(a, b):
    if type(a) is not type(b): return False
    if isinstance(a, float): return a != a and b != b or struct.pack('>d', a) == struct.pack('>d', b)
    if isinstance(a, (list, tuple)): return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict): return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return a == b
if hasattr(sys, 'set_int_max_str_digits'): sys.set_int_max_str_digits(0)
cases = json.load(sys.stdin)
`;

function python<T>(script: string, cases: unknown): T {
  const { status, stdout, stderr } = spawnSync('python3', ['-c', prelude + script], {
    input: JSON.stringify(cases),
    encoding: 'utf8',
    maxBuffer: 512 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as T;
}

const isThere = spawnSync('python3', ['--version']).status === 0;
if (!isThere && process.env.CI !== 'true') {
  process.stderr.write('SKIPPED, python3 IS MISSING: payloads read and written by Python\n');
}
// With CI=true a missing python3 makes the tests below fail instead.
const describeWithPython3 = isThere || process.env.CI === 'true' ? describe : describe.skip;

const seed = Math.floor(Math.random() * 2 ** 31);
const values = fc.sample(picklable, { numRuns: 600, seed });
const jsonValues = fc.sample(jsonable, { numRuns: 400, seed });

describeWithPython3(`payloads between Node and Python (seed ${seed})`, () => {
  it('writes pickles that Python loads as equal values', () => {
    const cases = values.map((plain) => [
      asWritten(plain),
      encodeValue(toJs(plain), 'pickle').toString('base64'),
    ]);
    const script = `
print(json.dumps([i for i, (plain, data) in enumerate(cases)
  if not same(build(plain), pickle.loads(base64.b64decode(data)))]))`;
    expectNone(python<number[]>(script, cases).map((index) => values[index]));
  });

  it('writes JSON that Python loads as equal values', () => {
    const cases = jsonValues.map((plain) => [
      asWritten(plain),
      encodeValue(toJs(plain)).toString(),
    ]);
    const script = `
print(json.dumps([i for i, (plain, text) in enumerate(cases) if not same(build(plain), json.loads(text))]))`;
    expectNone(python<number[]>(script, cases).map((index) => jsonValues[index]));
  });

  it.each([0, 1, 2, 3, 4, 5])('reads what Python pickles with protocol %i', (protocol) => {
    const readable = values.filter(
      (plain) =>
        (protocol >= 3 || !holds(plain, 'bytes')) && (protocol >= 4 || !holds(plain, 'set')),
    );
    const script = `
print(json.dumps([base64.b64encode(pickle.dumps(build(plain), ${protocol})).decode() for plain in cases]))`;
    const wrong = python<string[]>(script, readable).flatMap((data, index) => {
      const plain = readable[index] as Plain;
      const read = decodeValue(Buffer.from(data, 'base64'));
      return isDeepStrictEqual(read, toJs(plain)) ? [] : [{ plain, data, read }];
    });
    expect(readable.length).toBeGreaterThan(100);
    expectNone(wrong);
  });

  it('reads what Python writes as JSON', () => {
    const script = 'print(json.dumps([json.dumps(build(plain)) for plain in cases]))';
    const wrong = python<string[]>(script, jsonValues).flatMap((text, index) => {
      const plain = jsonValues[index] as Plain;
      const read = decodeValue(Buffer.from(text));
      return isDeepStrictEqual(read, toJs(plain)) ? [] : [{ plain, text, read }];
    });
    expectNone(wrong);
  });

  it('reads a bytearray and shared lists', () => {
    const script = `
a = [1]
print(json.dumps([base64.b64encode(pickle.dumps(v, 5)).decode() for v in [bytearray(b'xy'), [a, a, (a, a)]]]))`;
    const [bytes, shared] = python<string[]>(script, []).map((data) =>
      decodeValue(Buffer.from(data, 'base64')),
    );
    expect(bytes).toEqual(Buffer.from('xy'));
    expect(shared).toEqual([[1], [1], [[1], [1]]]);
  });

  it('writes a call byte for byte as Python does, memo aside', () => {
    const call = { functionName: 'tasks.add', instance: null, args: [1], kwargs: { b: 3 } };
    const script = `
print(json.dumps(pickletools.optimize(pickle.dumps(('tasks.add', None, (1,), {'b': 3}), 2)).hex()))`;
    expect(encodeCall(call, 'pickle').toString('hex')).toBe(python<string>(script, []));
  });

  it('prints arguments as Python does', () => {
    const cases = values
      .map(asWritten)
      // The order inside a set is Python's own affair.
      .filter((plain) => !holds(plain, 'set'));
    const script = 'print(json.dumps([repr(build(plain)) for plain in cases]))';
    const expected = python<string[]>(script, cases);
    expect(cases.map((plain) => pythonRepr(toJs(plain)))).toEqual(expected);
  });
});

// One is enough to see, and a tree printed line by line hides it.
function expectNone(wrong: readonly unknown[]): void {
  expect(wrong.slice(0, 1).map((one) => JSON.stringify(one))).toEqual([]);
}
