import { describe, expect, it } from '@jest/globals';
import { writePickle } from '../../../src/redis/payload/pickle-writer.js';
import {
  decodeExcInfo,
  decodeExcString,
  decodeMeta,
  decodeResultReturnValue,
  decodeValue,
  encodeExcString,
  encodeResultReturnValue,
  encodeValue,
} from '../../../src/redis/payload/value.js';

describe('decodeValue', () => {
  it.each([
    [Buffer.from('4'), 4],
    [Buffer.from('NaN'), Number.NaN],
    [Buffer.from(' "x."'), 'x.'],
    [Buffer.from('"pi is 3."'), 'pi is 3.'],
    [Buffer.from('80054b022e', 'hex'), 2],
    [Buffer.from('I4\n.'), 4],
    [Buffer.from("S'x'\n."), 'x'],
  ])('finds the serializer of %p', (bytes, value) => {
    expect(decodeValue(bytes)).toEqual(value);
  });

  it('names the root in the path of what cannot be written', () => {
    const value = { rows: [() => 1] };
    for (const serializer of ['json', 'pickle'] as const) {
      expect(() => encodeValue(value, serializer, { root: 'result' })).toThrow(
        'result.rows[0] is a function',
      );
      expect(() =>
        encodeValue('x'.repeat(100), serializer, { root: 'result', limits: { maxBytes: 50 } }),
      ).toThrow(/^result .*50 bytes|^result has \d+ bytes, more than 50$/);
    }
  });
});

describe('decodeMeta', () => {
  it('reads both serializers, and nothing as {}', () => {
    expect(decodeMeta(null)).toEqual({});
    expect(decodeMeta(Buffer.alloc(0))).toEqual({});
    expect(decodeMeta(Buffer.from('{"a": 1}'))).toEqual({ a: 1 });
    expect(decodeMeta(writePickle({ a: 1 }))).toEqual({ a: 1 });
    expect(decodeMeta(writePickle(new Map([[1, 'a']])))).toEqual({ 1: 'a' });
  });

  it('takes off what a Python process wrapped around it', () => {
    const once = Buffer.from(
      '8005951e000000000000007d948c0c756e73657269616c697a65649443087b2261223a20317d94732e',
      'hex',
    );
    expect(decodeMeta(once)).toEqual({ a: 1 });
    let wrapped: Buffer = once;
    for (let layer = 0; layer < 3; layer++) wrapped = writePickle({ unserialized: wrapped });
    expect(decodeMeta(wrapped)).toEqual({ a: 1 });
    for (let layer = 0; layer < 10; layer++) wrapped = writePickle({ unserialized: wrapped });
    expect(() => decodeMeta(wrapped)).toThrow('wrapped more than 8 times');
    expect(decodeMeta(writePickle({ unserialized: Buffer.alloc(0) }))).toEqual({});
  });

  it('leaves a meta alone that only looks wrapped', () => {
    expect(decodeMeta(Buffer.from('{"unserialized": "x"}'))).toEqual({ unserialized: 'x' });
    const bytes = Buffer.from('x');
    expect(decodeMeta(writePickle({ unserialized: bytes, more: 1 }))).toEqual({
      unserialized: bytes,
      more: 1,
    });
  });

  it('drops keys that reach for a prototype, at any depth', () => {
    const json =
      '{"a": [{"__proto__": {"x": 1}, "b": 2}], "constructor": {"prototype": {"x": 1}}, "c": {"constructor": 1}}';
    expect(decodeMeta(Buffer.from(json))).toEqual({ a: [{ b: 2 }], c: { constructor: 1 } });
    expect(Object.keys(decodeMeta(Buffer.from('{"__proto__": {"x": 1}}')))).toEqual([]);
  });

  it.each(['[1]', '"x"', 'null'])('refuses %s', (text) => {
    expect(() => decodeMeta(Buffer.from(text))).toThrow('undecodable meta: is ');
  });
});

describe('the fields of the results stream', () => {
  it('match the vectors', () => {
    expect(encodeResultReturnValue(encodeValue(4))).toBe('NA==');
    expect(decodeValue(decodeResultReturnValue('NA=='))).toBe(4);
    expect(decodeValue(decodeResultReturnValue(Buffer.from('gAVLAi4=')))).toBe(2);
    const text = 'Job stopped by user, work-horse terminated.';
    const field = 'eJzzyk9SKC7JLyhITVFIqlQoLU4t0lEozy/K1s3ILypOVShJLcrNzEssSU3RAwBbIQ/t';
    expect(encodeExcString(text)).toBe(field);
    expect(decodeExcString(field)).toBe(text);
  });

  it('refuse what is not base64 or not deflated', () => {
    expect(() => decodeResultReturnValue('N@==')).toThrow('undecodable base64');
    expect(() => decodeResultReturnValue('NA=')).toThrow('undecodable base64');
    expect(() => decodeResultReturnValue('NAAAAAAA', { maxBytes: 3 })).toThrow('more than 3 bytes');
    expect(() => decodeExcString('NA==')).toThrow('undecodable zlib');
  });

  it('read exc_info deflated or not', () => {
    expect(decodeExcInfo(Buffer.from('789c030000000001', 'hex'))).toBe('');
    expect(decodeExcInfo(Buffer.from('Traceback é'))).toBe('Traceback é');
    expect(decodeExcInfo(Buffer.from(encodeExcString('Traceback é'), 'base64'))).toBe(
      'Traceback é',
    );
  });
});
