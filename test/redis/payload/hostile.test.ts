import { constants, deflateRawSync, deflateSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeCall, encodeCall } from '../../../src/redis/payload/call.js';
import { UndecodablePayloadError, UnserializableError } from '../../../src/redis/payload/errors.js';
import { decodeMeta, decodeValue, encodeValue } from '../../../src/redis/payload/value.js';

describe('hostile payloads', () => {
  it('stops a bomb of 1 GiB at the limit', () => {
    const bomb = gibibyteBomb();
    expect(bomb.length).toBeLessThan(1.2 * 1024 * 1024);
    const rssBefore = process.memoryUsage().rss;
    const startedAtMs = performance.now();
    expect(() => decodeCall(bomb)).toThrow('inflates to more than 16777216 bytes');
    // It takes about 15 ms and 16 MiB; whole it would be seconds and a gigabyte.
    expect(performance.now() - startedAtMs).toBeLessThan(1000);
    expect(process.memoryUsage().rss - rssBefore).toBeLessThan(100 * 1024 * 1024);
  });

  it('takes exactly the limit', () => {
    const data = deflateSync(Buffer.from('["f",null,[],{}]'));
    expect(decodeCall(data, { maxBytes: 16 }).call.functionName).toBe('f');
    expect(() => decodeCall(data, { maxBytes: 15 })).toThrow('inflates to more than 15 bytes');
  });

  it('throws nothing but its own error for any bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 80 });
    const opened = fc
      .tuple(fc.constantFrom('x\x9c', '\x80\x05', '["', '(S', ''), bytes)
      .map(([opening, rest]) => Buffer.concat([Buffer.from(opening, 'latin1'), rest]));
    fc.assert(
      fc.property(opened, (data) => {
        for (const decode of [decodeCall, decodeValue, decodeMeta]) {
          try {
            decode(data);
          } catch (error) {
            expect(error).toBeInstanceOf(UndecodablePayloadError);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('leaves Object.prototype as it was', () => {
    const before = Reflect.ownKeys(Object.prototype);
    const keys = fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'x');
    const tree = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(true, Number.NaN, 1),
        fc
          .array(fc.tuple(keys, tie('node')), { maxLength: 3 })
          .map((members) => Object.fromEntries(members)),
      ),
    })).node;
    fc.assert(
      fc.property(tree, fc.constantFrom('json' as const, 'pickle' as const), (value, name) => {
        const call = { functionName: 'f', instance: null, args: [value], kwargs: {} };
        expect(decodeCall(encodeCall(call, name)).call.args[0]).toEqual(value);
        decodeMeta(encodeValue({ x: value }, name));
      }),
    );
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it('never lets an error carry much of the payload', () => {
    const huge = 'k'.repeat(100_000);
    const writing = () =>
      encodeCall({
        functionName: 'f',
        instance: null,
        args: [{ [huge]: { [huge]: () => 1 } }],
        kwargs: {},
      });
    expect(writing).toThrow(UnserializableError);
    expect(writing).toThrow(/^.{1,330}$/u);
    const reading = () => decodeCall(Buffer.from(`c${huge}\n${huge}\n.`));
    expect(reading).toThrow(/^.{1,230}$/u);
  });
});

/** 1 MiB that inflates to 1 GiB: the same deflate block again and again. */
function gibibyteBomb(): Buffer {
  const block = deflateRawSync(Buffer.alloc(1024 * 1024), {
    finishFlush: constants.Z_FULL_FLUSH,
  });
  return Buffer.concat([Buffer.from([0x78, 0x9c]), ...Array<Buffer>(1024).fill(block)]);
}
