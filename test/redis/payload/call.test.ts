import { deflateSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeCall,
  detectSerializer,
  encodeCall,
  type JobCall,
} from '../../../src/redis/payload/call.js';
import { UndecodablePayloadError, UnserializableError } from '../../../src/redis/payload/errors.js';
import { writePickle } from '../../../src/redis/payload/pickle-writer.js';
import { picklable, toJs } from './plain-data.js';

const hex = (text: string) => Buffer.from(text, 'hex');
const call: JobCall = { functionName: 'tasks.add', instance: null, args: [1], kwargs: { b: 3 } };

describe('the test vectors of the wire', () => {
  it.each([
    ['json', 'plain', Buffer.from('["tasks.add", null, [1], {"b": 3}]')],
    [
      'json',
      'zlib',
      hex('789c8b562a492cce2ed64b4c4951d251c82bcdc9d15188368cd551a8564a52b25230ae8d0500bc650a2d'),
    ],
    [
      'pickle',
      'protocol 5',
      hex('8005951e00000000000000288c097461736b732e616464944e4b0185947d948c0162944b037374942e'),
    ],
    [
      'pickle',
      'protocol 2',
      hex('80022858090000007461736b732e61646471004e4b018571017d710258010000006271034b03737471042e'),
    ],
  ] as const)('reads %s, %s', (serializer, _form, data) => {
    expect(decodeCall(data)).toEqual({ call, serializer });
  });

  it('writes JSON that differs from RQ only in its spaces', () => {
    expect(encodeCall(call).toString()).toBe('["tasks.add",null,[1],{"b":3}]');
  });

  it('writes pickle of protocol 2 without memo', () => {
    const expected = '80022858090000007461736b732e6164644e4b01857d5801000000624b0373742e';
    expect(encodeCall(call, 'pickle').toString('hex')).toBe(expected);
  });
});

describe('encodeCall', () => {
  it('reads back what it wrote, with both serializers', () => {
    const args = fc.array(picklable.map(toJs), { maxLength: 5 });
    fc.assert(
      fc.property(args, (values) => {
        const written = { ...call, args: values };
        const read = decodeCall(encodeCall(written, 'pickle'));
        expect(read).toEqual({ call: written, serializer: 'pickle' });
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()), (a, k) => {
        const written = { functionName: 'f', instance: null, args: a, kwargs: k };
        const read = decodeCall(encodeCall(written));
        expect(read).toEqual({ call: written, serializer: 'json' });
      }),
    );
  });

  it('deflates from 1 KiB on, and only what gets smaller', () => {
    const repeated = { ...call, args: ['x'.repeat(2000)] };
    const bytes = encodeCall(repeated);
    expect(bytes.length).toBeLessThan(100);
    expect(bytes[0]).toBe(0x78);
    expect(decodeCall(bytes).call).toEqual(repeated);
    expect(encodeCall(repeated, 'json', { compressAboveBytes: 5000 })[0]).toBe(0x5b);
    expect(encodeCall(call, 'json', { compressAboveBytes: 0 })[0]).toBe(0x5b);
  });

  it.each(['json', 'pickle'] as const)('names the path of what %s cannot write', (serializer) => {
    const refused = (args: unknown[], kwargs: Record<string, unknown> = {}) => {
      try {
        encodeCall({ ...call, args, kwargs }, serializer);
      } catch (error) {
        if (error instanceof UnserializableError) return error.message;
        throw error;
      }
      return 'written';
    };
    const cycle: { self?: unknown } = {};
    cycle.self = [cycle];
    const deep = JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`) as unknown;
    expect(refused([{ user: { callback: () => 1 } }])).toBe('args[0].user.callback is a function');
    expect(refused([1, { 'a b': [Symbol('s')] }])).toBe('args[1]["a b"][0] is a symbol');
    expect(refused([], { on: Promise.resolve() })).toBe('kwargs.on is a Promise');
    expect(refused([new Error('no')])).toBe('args[0] is an Error');
    expect(refused([cycle])).toBe('args[0].self[0] refers back to its own parent');
    expect(refused([deep])).toMatch(/ is nested deeper than 200$/);
    expect(refused([10n ** 20_000n])).toMatch(/^args\[0\] is an integer of more than/);
    expect(
      refused([
        {
          get boom() {
            throw new Error('do not look');
          },
        },
      ]),
    ).toMatch(/could not be read: do not look$/);
  });

  it('refuses a function name that no reader would accept', () => {
    expect(() => encodeCall({ ...call, functionName: '' })).toThrow('functionName is empty');
    expect(() => encodeCall({ ...call, functionName: 'x'.repeat(513) })).toThrow(
      'functionName has more than 512 characters',
    );
  });

  it('refuses a payload over the limit', () => {
    const large = { ...call, args: ['x'.repeat(2000)] };
    for (const serializer of ['json', 'pickle'] as const) {
      expect(() => encodeCall(large, serializer, { limits: { maxBytes: 1000 } })).toThrow(
        UnserializableError,
      );
    }
  });
});

describe('decodeCall', () => {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));

  it.each([
    ['call', 'is an object, not a list of 4', json({})],
    ['call', 'is null, not a list of 4', json(null)],
    ['call', 'has 3 elements, not 4', json(['f', null, []])],
    ['call', 'has 5 elements, not 4', json(['f', null, [], {}, 1])],
    ['call', 'function name is a number', json([1, null, [], {}])],
    ['call', 'function name is empty', json(['', null, [], {}])],
    ['call', 'function name has more than 512 characters', json(['x'.repeat(513), null, [], {}])],
    ['call', 'args is a string, not a list', json(['f', null, 'ab', {}])],
    ['call', 'args is null, not a list', json(['f', null, null, {}])],
    ['call', 'kwargs is null, not an object', json(['f', null, [], null])],
    ['call', 'kwargs is a list, not an object', json(['f', null, [], []])],
    ['call', 'kwargs has a key that is no string', writePickle(['f', null, [], new Map([[1, 2]])])],
    ['json', 'no bytes', Buffer.alloc(0)],
    ['json', 'text ends too early at 10', Buffer.from('["f",null,')],
    ['json', 'unexpected character at 0', Buffer.from('garbage')],
    ['json', 'not UTF-8', hex('fffe0041')],
    ['pickle', 'truncated: 1 bytes announced, 0 left', hex('80024e')],
    ['zlib', 'truncated stream', deflateSync(json(['f', null, [], {}])).subarray(0, 12)],
    ['zlib', '3 bytes after the end of the stream', withJunk(json(['f', null, [], {}]))],
    ['zlib', 'incorrect data check', damaged(json(['f', null, [], {}]))],
    ['json', 'not UTF-8', deflateSync(deflateSync(json(['f', null, [], {}])))],
  ])('says what is wrong: %s, %s', (layer, reason, data) => {
    const error = errorOf(() => decodeCall(data));
    expect(error).toMatchObject({ layer, message: expect.stringContaining(layer) });
    expect(error.reason).toContain(reason);
  });

  it('takes an instance of plain data', () => {
    const bytes = json(['upper', 'abc', [], {}]);
    expect(decodeCall(bytes).call.instance).toBe('abc');
    expect(decodeCall(writePickle(['upper', { a: 1 }, [], {}])).call.instance).toEqual({ a: 1 });
  });

  it('reads a text pickle of Python 2 that looks like zlib', () => {
    const bytes = Buffer.from("(S'tasks.add'\nN(I1\nt(dS'b'\nI3\nst.");
    expect(((bytes[0] as number) * 256 + (bytes[1] as number)) % 31).toBe(0);
    expect(decodeCall(bytes)).toEqual({ call, serializer: 'pickle' });
  });

  it('keeps a key __proto__ to itself', () => {
    for (const bytes of [
      Buffer.from('["f", null, [{"__proto__": {"isAdmin": true}}], {"__proto__": {"x": 1}}]'),
      Buffer.from('["f", null, [{"__proto__": {"isAdmin": true}}, NaN], {"__proto__": {"x": 1}}]'),
      encodeCall(
        {
          ...call,
          args: [JSON.parse('{"__proto__": {"isAdmin": true}}')],
          kwargs: JSON.parse('{"__proto__": {"x": 1}}'),
        },
        'pickle',
      ),
    ]) {
      const { args, kwargs } = decodeCall(bytes).call;
      expect(Object.keys(args[0] as object)).toEqual(['__proto__']);
      expect(Object.getPrototypeOf(args[0])).toBe(Object.getPrototypeOf({}));
      expect(Object.keys(kwargs)).toEqual(['__proto__']);
      expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    }
  });
});

describe('detectSerializer', () => {
  it.each([
    ['json', '["f"]'],
    ['json', ' [1]'],
    ['json', '["cut off.'],
    ['json', 'null'],
    ['json', ''],
    ['pickle', '\x80\x05N.'],
    ['pickle', 'N.'],
    ['pickle', 'I1\n.'],
    ['pickle', '(lp0\n.'],
  ])('answers %s for %j', (serializer, text) => {
    expect(detectSerializer(Buffer.from(text, 'latin1'))).toBe(serializer);
  });
});

function withJunk(bytes: Buffer): Buffer {
  return Buffer.concat([deflateSync(bytes), Buffer.from('abc')]);
}

function damaged(bytes: Buffer): Buffer {
  const deflated = deflateSync(bytes);
  deflated[deflated.length - 1] = (deflated.at(-1) as number) ^ 0xff;
  return deflated;
}

function errorOf(run: () => unknown): UndecodablePayloadError {
  try {
    run();
  } catch (error) {
    if (error instanceof UndecodablePayloadError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
