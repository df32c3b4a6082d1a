import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeChildMessage,
  encodeChildMessage,
  writeStep,
} from '../../../src/actors/executor/child-message.js';
import { type Frame, FrameReader, ProtocolError } from '../../../src/actors/executor/frames.js';
import {
  decodeParentMessage,
  encodeParentMessage,
} from '../../../src/actors/executor/parent-message.js';
import type { ChildMessage, NumberedJob, Report } from '../../../src/actors/executor/protocol.js';

const token = Buffer.alloc(16, 3);
const report = (step: object): ChildMessage =>
  ({ kind: 'report', seq: 1, clockMs: 2.5, ...step }) as ChildMessage;
const there = (message: ChildMessage) => {
  const [frame] = new FrameReader(1 << 20, token).push(encodeChildMessage(message, token));
  return decodeChildMessage(frame as Frame);
};
const said = (message: unknown, attachments = Buffer.alloc(0)) =>
  decodeChildMessage({ message, attachments });

describe('what a child says', () => {
  it.each<[string, ChildMessage]>([
    ['ready', { kind: 'ready', clockMs: 1, handlers: ['a.b'] }],
    ['failedToLoad', { kind: 'failedToLoad', message: 'm', detail: 'd' }],
    [
      'returned',
      report({
        ended: { job: 1, tookMs: 1, outcome: { kind: 'returned', result: Buffer.from('12') } },
      }),
    ],
    [
      'returned null',
      report({ ended: { job: 1, tookMs: 1, outcome: { kind: 'returned', result: null } } }),
    ],
    [
      'threw',
      report({
        ended: {
          job: 2,
          tookMs: 1,
          outcome: {
            kind: 'threw',
            error: { name: 'n', message: 'm', stack: 's' },
            retryable: false,
          },
        },
        begun: { job: 3, atMs: 1.5 },
      }),
    ],
    [
      'a note',
      report({
        note: {
          job: 1,
          note: { progress: '0.5', log: [['info', 'x']], dropped: 3, meta: Buffer.from('{}') },
        },
      }),
    ],
    [
      'a wish to run again',
      report({
        ended: {
          job: 1,
          tookMs: 1,
          outcome: {
            kind: 'threw',
            error: { name: 'RetryError', message: 'm', stack: 's' },
            retryable: true,
            retryAsked: { max: 2, intervalsSeconds: [0, 5] },
          },
        },
      }),
    ],
    ['leaving', report({ leaving: 'why' })],
  ])('arrives: %s', (_, message) => {
    expect(there(message)).toEqual(message);
  });

  it('arrives without JSON when it is what is said of nearly every job', () => {
    const results = fc.option(fc.uint8Array({ maxLength: 300 }));
    const moments = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
    const steps = fc.record({
      seq: fc.maxSafeNat(),
      clockMs: moments,
      result: results,
      ended: fc.option(fc.record({ job: fc.maxSafeNat(), tookMs: moments }), { nil: undefined }),
      begun: fc.option(fc.record({ job: fc.maxSafeNat(), atMs: moments }), { nil: undefined }),
    });
    const out = Buffer.alloc(1 << 12);
    fc.assert(
      fc.property(steps, fc.nat(1000), ({ result: bytes, ...step }, at) => {
        const result = bytes && Buffer.from(bytes);
        const ended = step.ended && { ...step.ended, outcome: { kind: 'returned', result } };
        const sent = { kind: 'report', ...step, ended } as Report;
        const end = writeStep(out, at, sent, token) as number;
        const [frame] = new FrameReader(1 << 20, token).push(out.subarray(at, end));
        expect(decodeChildMessage(frame as Frame)).toEqual(sent);
        expect(writeStep(out.subarray(0, end - 1), at, sent, token)).toBeNull();
      }),
    );
    const note = { job: 1, note: {} };
    for (const other of [{ leaving: '' }, { note }, { ended: { outcome: { kind: 'threw' } } }])
      expect(writeStep(out, 0, report(other) as Report, token)).toBeNull();
  });

  it('is a message or a ProtocolError without JSON, too', () => {
    const doubles = fc.array(fc.double(), { maxLength: 8 });
    fc.assert(
      fc.property(fc.nat(20), doubles, fc.nat(9), (kind, numbers, more) => {
        const bytes = Buffer.alloc(numbers.length * 8 + more);
        numbers.forEach((value, at) => {
          bytes.writeDoubleLE(value, at * 8);
        });
        try {
          expect(said(kind, bytes)).toMatchObject({ kind: 'report' });
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 1000 },
    );
    const numbers = (...values: number[]) => {
      const bytes = Buffer.alloc(values.length * 8);
      values.forEach((value, at) => {
        bytes.writeDoubleLE(value, at * 8);
      });
      return bytes;
    };
    expect(said(4, numbers(1, 2, 3, 4))).toMatchObject({ seq: 1, begun: { job: 3, atMs: 4 } });
    for (const [kind, bytes] of [
      [4, numbers(1, 2, 3.5, 4)],
      [4, numbers(1, 2, -3, 4)],
      [4, numbers(1, 2, 3, Number.NaN)],
      [4, numbers(1, 2, 3)],
      [4, numbers(1, 2, 3, 4, 5)],
      [2, numbers(1, 2)],
      [8, numbers(1, 2)],
    ] as const)
      expect(() => said(kind, bytes)).toThrow(ProtocolError);
  });

  it.each([
    ['a number', 7],
    ['null', null],
    ['a list', []],
    ['an unknown kind', { kind: 'shutdown' }],
    ['an unknown key', { kind: 'report', seq: 1, clockMs: 1, extra: 1 }],
    ['a prototype', JSON.parse('{"kind":"report","seq":1,"clockMs":1,"__proto__":{"a":1}}')],
    ['a negative seq', { kind: 'report', seq: -1, clockMs: 1 }],
    [
      'a death of its own',
      {
        kind: 'report',
        seq: 1,
        clockMs: 1,
        ended: { job: 1, tookMs: 1, outcome: { kind: 'died' } },
      },
    ],
    [
      'a reason of its own',
      {
        kind: 'report',
        seq: 1,
        clockMs: 1,
        ended: { job: 1, tookMs: 1, outcome: { kind: 'stopped', reason: 'tired' } },
      },
    ],
    [
      'bytes that are not there',
      {
        kind: 'report',
        seq: 1,
        clockMs: 1,
        ended: { job: 1, tookMs: 1, outcome: { kind: 'returned', result: 5 } },
      },
    ],
    ...[
      { max: 1 },
      { max: -1, intervalsSeconds: [0] },
      { max: 1, intervalsSeconds: [] },
      { max: 1, intervalsSeconds: ['1'] },
    ].map((retryAsked): [string, unknown] => [
      `a wish that is none: ${JSON.stringify(retryAsked)}`,
      {
        kind: 'report',
        seq: 1,
        clockMs: 1,
        ended: {
          job: 1,
          tookMs: 1,
          outcome: {
            kind: 'threw',
            error: { name: 'n', message: 'm', stack: 's' },
            retryable: true,
            retryAsked,
          },
        },
      },
    ]),
    ['handlers that are no text', { kind: 'ready', clockMs: 1, handlers: [{}] }],
  ])('is refused: %s', (_, message) => {
    expect(() => said(message)).toThrow(ProtocolError);
  });

  it('is refused with bytes that no field accounts for', () => {
    expect(() => said({ kind: 'report', seq: 1, clockMs: 1 }, Buffer.from('x'))).toThrow(
      'to spare',
    );
  });

  it('is never anything but a message or a ProtocolError', () => {
    const kinds = fc.constantFrom('ready', 'report', 'failedToLoad', 'returned', 'threw');
    const keys = fc.constantFrom(
      'kind',
      'seq',
      'clockMs',
      'ended',
      'begun',
      'note',
      'job',
      'outcome',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        kinds,
        fc.jsonValue(),
        fc.dictionary(keys, tie('tree')),
        fc.array(tie('tree'), { maxLength: 3 }),
      ),
    }));
    fc.assert(
      fc.property(tree, fc.uint8Array({ maxLength: 8 }), (message, bytes) => {
        try {
          expect(said(message, Buffer.from(bytes))).toHaveProperty('kind');
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 1000 },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

it('jobs reach the child with their bytes, and without meta too', () => {
  const job = { jobId: 'j', execution: 'e', queue: 'q', attempt: 2, timeoutMs: null };
  const jobs = [
    { number: 1, job: { ...job, data: Buffer.from([0, 255]), meta: null } },
    { number: 2, job: { ...job, data: Buffer.alloc(0), meta: Buffer.from('{}') } },
    { number: 3, job: { ...job, jobId: 'ü😀', timeoutMs: 0, data: Buffer.from('d'), meta: null } },
    {
      number: 4,
      job: {
        ...job,
        data: Buffer.from('d'),
        meta: Buffer.alloc(0),
        callback: { moment: 'success', name: 'é.x', result: Buffer.from('1'), error: null },
      },
    },
    {
      number: 5,
      job: {
        ...job,
        data: Buffer.from('e'),
        meta: null,
        callback: {
          moment: 'failure',
          name: 'x',
          result: null,
          error: { name: 'n', message: '\ud800 "', stack: 's' },
        },
      },
    },
  ] satisfies NumberedJob[];
  const [frame] = new FrameReader(1 << 20).push(encodeParentMessage({ kind: 'run', jobs }));
  expect(decodeParentMessage(frame as Frame)).toEqual({ kind: 'run', jobs });
});
