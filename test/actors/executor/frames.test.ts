import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  encodeFrame,
  FrameReader,
  ProtocolError,
  plainFrameLength,
  writePlainHead,
} from '../../../src/actors/executor/frames.js';

const token = Buffer.alloc(16, 0xa7);
const plainFrame = (message: number, attachments: Buffer, given?: Buffer): Buffer => {
  const frame = Buffer.alloc(plainFrameLength(attachments.length, given));
  attachments.copy(frame, writePlainHead(frame, 0, message, attachments.length, given));
  return frame;
};
const cut = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const pieces: Buffer[] = [];
  let rest = bytes;
  for (let i = 0; rest.length > 0; i += 1) {
    const size = sizes[i % sizes.length] ?? 1;
    pieces.push(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  return pieces;
};

describe('frames', () => {
  const messages = fc.array(
    fc.record({
      message: fc.oneof(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
        fc.nat(2 ** 31 - 1),
      ),
      attachments: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 3 }),
    }),
    { maxLength: 8 },
  );

  it('come out as they went in, whatever pieces they arrive in', () => {
    fc.assert(
      fc.property(
        messages,
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }),
        fc.boolean(),
        (sent, sizes, hasToken) => {
          const given = hasToken ? token : undefined;
          const bytes = sent.map(({ message, attachments }) =>
            typeof message === 'number'
              ? plainFrame(message, Buffer.concat(attachments), given)
              : encodeFrame(message, attachments.map(Buffer.from), given),
          );
          const reader = new FrameReader(1 << 20, given);
          const frames = cut(Buffer.concat(bytes), sizes).flatMap((piece) => reader.push(piece));
          expect(frames.map(({ message }) => JSON.stringify(message))).toEqual(
            sent.map(({ message }) => JSON.stringify(message)),
          );
          expect(frames.map(({ attachments }) => attachments.toString('hex'))).toEqual(
            sent.map(({ attachments }) => Buffer.concat(attachments).toString('hex')),
          );
          expect(reader.isWithinFrame).toBe(false);
        },
      ),
    );
  });

  it('are refused, or not whole, when the bytes are anybody’s', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        const reader = new FrameReader(1 << 20, token);
        try {
          expect(reader.push(Buffer.from(bytes))).toEqual([]);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });

  it('over the limit are refused at their fourth byte', () => {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(1025);
    const reader = new FrameReader(1024);
    expect(reader.push(head.subarray(0, 3))).toEqual([]);
    expect(() => reader.push(head.subarray(3))).toThrow('a frame of 1025 bytes, more than 1024');
  });

  it('with a wrong token are refused before they are whole', () => {
    const frame = encodeFrame({ a: 1 }, [Buffer.alloc(5000)], Buffer.alloc(16, 1));
    const reader = new FrameReader(1 << 20, token);
    expect(() => reader.push(frame.subarray(0, 20))).toThrow('no frame of ours');
  });

  it('whose JSON is longer than the frame, or no JSON, are refused', () => {
    const frame = encodeFrame({ a: 1 });
    const longer = Buffer.from(frame);
    longer.writeUInt32LE(500, 4);
    expect(() => new FrameReader(1024).push(longer)).toThrow(ProtocolError);
    const torn = Buffer.from(frame);
    torn[9] = 0;
    expect(() => new FrameReader(1024).push(torn)).toThrow('no JSON');
  });
});
