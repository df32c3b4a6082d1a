import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  decodeChildMessage,
  encodeChildMessage,
} from '../../../src/actors/executor/child-message.js';
import { type Frame, FrameReader, ProtocolError } from '../../../src/actors/executor/frames.js';
import {
  decodeParentMessage,
  encodeParentMessage,
} from '../../../src/actors/executor/parent-message.js';
import type { ChildMessage } from '../../../src/actors/executor/protocol.js';

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
  ];
  const [frame] = new FrameReader(1 << 20).push(encodeParentMessage({ kind: 'run', jobs }));
  expect(decodeParentMessage(frame as Frame)).toEqual({ kind: 'run', jobs });
});
