import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { UndecodablePayloadError } from '../../../src/redis/payload/errors.js';
import { parseJson, stringifyJson } from '../../../src/redis/payload/json.js';
import { jsonable, toJs } from './plain-data.js';

const parse = (text: string) => parseJson(Buffer.from(text));

describe('parseJson', () => {
  it('reads the numbers of Python without loss', () => {
    expect(parse('[NaN, Infinity, -Infinity]')).toEqual([NaN, Infinity, -Infinity]);
    expect(parse('9007199254740991')).toBe(9007199254740991);
    expect(parse('9007199254740993')).toBe(9007199254740993n);
    expect(parse('[-123456789012345678901234567890]')).toEqual([-123456789012345678901234567890n]);
    expect(parse('{"id": 1795405104012247, "f": 0.30000000000000004, "g": 1e300}')).toEqual({
      id: 1795405104012247,
      f: 0.30000000000000004,
      g: 1e300,
    });
    expect(parse('["NaN", "9007199254740993", "\\"Infinity"]')).toEqual([
      'NaN',
      '9007199254740993',
      '"Infinity',
    ]);
  });

  it('agrees with JSON.parse on all of its texts', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        fc.pre(!/(^|[^\d.])\d{16,}([^\d.eE]|$)/.test(text)); // there they differ on purpose
        expect(parse(text)).toEqual(JSON.parse(text));
        // A bare NaN in front sends the same text through the other parser.
        expect(parse(`[NaN, ${text}]`)).toEqual([NaN, JSON.parse(text)]);
      }),
    );
  });

  it('refuses what JSON.parse refuses', () => {
    const chars = fc.constantFrom(...'[]{},:"\\ntruefalsN-+.eE019 \n\t\u00a0\x01'.split(''));
    fc.assert(
      fc.property(fc.string({ unit: chars, maxLength: 12 }), (text) => {
        const isPython = /NaN|Infinity|\d{16}/.test(text);
        const outcome = resultOf(() => parse(text));
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(UndecodablePayloadError);
        if (!isPython) {
          const isValid = !(resultOf(() => JSON.parse(text)) instanceof Error);
          expect(!(outcome instanceof Error)).toBe(isValid);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('limits depth, elements and the digits of an integer', () => {
    expect(() => parse('['.repeat(200) + ']'.repeat(200))).not.toThrow();
    expect(() => parse('['.repeat(201) + ']'.repeat(201))).toThrow('nested deeper than 200');
    expect(() => parse('['.repeat(1_000_000))).toThrow('nested deeper than 200');
    expect(parse(`["${'['.repeat(300)}"]`)).toEqual(['['.repeat(300)]);
    expect(() => parse('1'.repeat(5000))).toThrow('more than 4300 digits');
    const limits = { maxElements: 10 };
    expect(() => parseJson(Buffer.from('[1,2,3,4,5,6,7,8,9]'), limits)).not.toThrow();
    expect(() => parseJson(Buffer.from('[1,2,3,4,5,6,7,8,9,10]'), limits)).toThrow('more than 10');
    expect(() => parseJson(Buffer.from('"12345678"'), { maxBytes: 9 })).toThrow('10 bytes');
  });

  it('never quotes the payload', () => {
    for (const text of ['{"password": "hunter2"', '["hunter2", oops]', '"hunter2\x01"']) {
      expect(() => parse(text)).toThrow(expect.not.stringContaining('hunter2'));
    }
  });
});

describe('stringifyJson', () => {
  it('is read back as the same value', () => {
    fc.assert(
      fc.property(jsonable, (plain) => {
        const value = toJs(plain);
        expect(parse(stringifyJson(value))).toEqual(value);
      }),
    );
  });

  it('writes what Python reads as the same number', () => {
    expect(stringifyJson([NaN, Infinity, -Infinity, -0, 12345678901234567890n])).toBe(
      '[NaN,Infinity,-Infinity,-0.0,12345678901234567890]',
    );
    expect(stringifyJson([2 ** 53, 2 ** 64, 1e21, 1.5, -7])).toBe(
      '[9007199254740992.0,18446744073709552000.0,1e+21,1.5,-7]',
    );
  });

  it('keeps the rules of JSON.stringify for undefined and toJSON', () => {
    const date = new Date('2026-01-02T03:04:05Z');
    class Money {
      constructor(readonly amount: number) {}
      toJSON() {
        return { amount: this.amount };
      }
    }
    class Point {
      x = 1;
      y = undefined;
    }
    for (const value of [
      undefined,
      [undefined, 1],
      { a: undefined, b: 1 },
      date,
      [{ at: date }],
      new Money(5),
      new Point(),
      [new Money(1), new Point()],
    ]) {
      expect(stringifyJson(value)).toBe(JSON.stringify(value) ?? 'null');
      // NaN sends it through the other writer.
      const both = stringifyJson([value, NaN]);
      expect(both).toBe(`[${JSON.stringify(value) ?? 'null'},NaN]`);
    }
    const itself = {
      a: 1,
      toJSON() {
        return this;
      },
    };
    expect(() => stringifyJson(itself)).toThrow('value.toJSON is a function');
  });

  it.each([
    [new Map(), 'value is a Map'],
    [new Set(), 'value is a Set'],
    [Buffer.from('x'), 'value is a Buffer; JSON has no bytes'],
    [new Float64Array(1), 'value is a Float64Array; JSON has no bytes'],
    [new Date(Number.NaN), 'value is an invalid Date'],
    [/x/, 'value is a RegExp'],
    [() => 1, 'value is a function'],
    [{ a: [new Map()] }, 'value.a[0] is a Map'],
    [{ toJSON: () => new Set() }, 'value is a Set'],
    [Object(1), 'value is a Number'],
  ])('refuses %p', (value, message) => {
    expect(() => stringifyJson(value)).toThrow(message);
  });

  it('does not expand shared lists without end', () => {
    let shared: unknown[] = [1];
    for (let level = 0; level < 30; level++) shared = [shared, shared, shared];
    expect(() => stringifyJson(shared)).toThrow('more than 1000000 elements');
  });
});

function resultOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
