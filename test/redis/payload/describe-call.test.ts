import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { callText, describeCall } from '../../../src/redis/payload/describe-call.js';

const text = (args: unknown[], kwargs: Record<string, unknown> = {}) =>
  callText({ functionName: 't.f', args, kwargs });

describe('callText', () => {
  it('prints a call as RQ does', () => {
    expect(callText({ functionName: 'tasks.add', args: [1], kwargs: { b: 3 } })).toBe(
      'tasks.add(1, b=3)',
    );
    expect(text([Number.NaN, 'é', { a: [1] }])).toBe("t.f(nan, 'é', {'a': [1]})");
    expect(text([null, true, false, -0, 1.5, 1e16, 1e-7, 123456789012345680000])).toBe(
      't.f(None, True, False, -0.0, 1.5, 1e+16, 1e-07, 1.2345678901234568e+20)',
    );
    expect(text(["it's", 'say "x"', `both ' and "`, 'a\nb\x00\u202e\\'])).toBe(
      `t.f("it's", 'say "x"', 'both \\' and "', 'a\\nb\\x00\\u202e\\\\')`,
    );
    expect(text([Buffer.from("a'\x00"), new Set([1]), new Set(), new Map([[1, 'x']]), 5n])).toBe(
      `t.f(b"a'\\x00", {1}, set(), {1: 'x'}, 5)`,
    );
    expect(text([], { b: 1, a: 'x', 'c\n': 2 })).toBe("t.f(a='x', b=1, c\\n=2)");
  });

  it('cuts each argument to 75 characters', () => {
    expect(text(['x'.repeat(200)])).toBe(`t.f('${'x'.repeat(74)}...)`);
    expect(text(['😀'.repeat(200)])).toBe(`t.f('${'😀'.repeat(74)}...)`);
    expect(text(['x'.repeat(73)])).toBe(`t.f('${'x'.repeat(73)}')`);
  });
});

describe('describeCall', () => {
  it('is at most 64 bytes of UTF-8 and one line, whatever the arguments are', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
    });
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.array(anything),
        fc.dictionary(fc.string({ unit: 'binary' }), anything),
        (functionName, args, kwargs) => {
          const description = describeCall({ functionName, args, kwargs });
          expect(Buffer.byteLength(description)).toBeLessThanOrEqual(64);
          expect(description).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e]/u);
          expect(Buffer.from(description).toString()).toBe(description);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('ends in … where it was cut, between two characters', () => {
    const description = describeCall({ functionName: 'f', args: ['é'.repeat(50)], kwargs: {} });
    expect(description).toBe(`f('${'é'.repeat(29)}…`);
    expect(Buffer.byteLength(description)).toBeLessThanOrEqual(64);
  });

  it('survives cycles, getters that throw and arguments without end', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    const hostile = {
      get a() {
        throw new Error('no');
      },
    };
    const many = Array.from({ length: 1_000_000 }, (_, index) => index);
    expect(describeCall({ functionName: 'f', args: [cycle], kwargs: {} })).toMatch(/^f\(\[+…$/);
    expect(describeCall({ functionName: 'f', args: [hostile], kwargs: {} })).toMatch(/unreadable/);
    expect(describeCall({ functionName: 'f', args: [many], kwargs: {} })).toMatch(/…$/);
    expect(describeCall({ functionName: 'f', args: many, kwargs: {} })).toMatch(/…$/);
    expect(describeCall({ functionName: 'f', args: [new Date(0), () => 1], kwargs: {} })).toBe(
      "f('1970-01-01T00:00:00.000Z', <a function>)",
    );
  });
});
