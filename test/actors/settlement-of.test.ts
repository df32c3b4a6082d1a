import { describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../src/actors/outcome.js';
import { passLimit, settlementOf } from '../../src/actors/settlement-of.js';

const error = {
  name: 'RangeError',
  message: 'out of paper',
  stack: 'RangeError: out of paper\n at',
};
const result = Buffer.from('412');
const limit = 'JobTimeoutException: Task exceeded maximum timeout value (180 seconds)';

const table: [Outcome, ReturnType<typeof settlementOf>][] = [
  [
    { kind: 'returned', result },
    { kind: 'finish', result },
  ],
  [
    { kind: 'threw', error, retryable: true },
    { kind: 'fail', reason: 'RangeError: out of paper', retryable: true, traceback: error.stack },
  ],
  [
    { kind: 'threw', error, retryable: false },
    { kind: 'fail', reason: 'RangeError: out of paper', retryable: false, traceback: error.stack },
  ],
  [
    { kind: 'threw', error, retryable: true, retryAsked: { max: 2, intervalsSeconds: [5] } },
    {
      kind: 'fail',
      reason: 'RangeError: out of paper',
      retryable: true,
      traceback: error.stack,
      retryAsked: { max: 2, intervalsSeconds: [5] },
    },
  ],
  [
    { kind: 'timedOut', limitMs: 180_000 },
    { kind: 'fail', reason: limit, retryable: true, traceback: limit },
  ],
  [
    { kind: 'died', exitCode: null, signal: 'SIGKILL', detail: 'it was ended by SIGKILL' },
    {
      kind: 'fail',
      reason: 'the executor died (signal SIGKILL): it was ended by SIGKILL',
      retryable: true,
      traceback:
        'Work-horse terminated unexpectedly; waitpid returned 9 (signal 9); \nit was ended by SIGKILL',
    },
  ],
  [
    { kind: 'died', exitCode: 3, signal: null, detail: 'it exited 3 before it answered' },
    {
      kind: 'fail',
      reason: 'the executor died (exit code 3): it exited 3 before it answered',
      retryable: true,
      traceback:
        'Work-horse terminated unexpectedly; waitpid returned 768; \nit exited 3 before it answered',
    },
  ],
  [
    { kind: 'undecodable', cause: 'opcode c is not allowed' },
    {
      kind: 'fail',
      reason: 'its payload cannot be decoded: opcode c is not allowed',
      retryable: false,
      traceback: 'its payload cannot be decoded: opcode c is not allowed',
    },
  ],
  [
    { kind: 'undecodable', cause: 'pickle opcode REDUCE', isPythons: true },
    {
      kind: 'fail',
      reason: 'its payload cannot be decoded: pickle opcode REDUCE',
      retryable: false,
      traceback: 'its payload cannot be decoded: pickle opcode REDUCE',
      forPython: true,
    },
  ],
  [
    { kind: 'unknownHandler', functionName: 'reports.build' },
    { kind: 'pass', reason: 'no handler "reports.build" in this worker', limit: passLimit },
  ],
  [
    { kind: 'stopped', reason: 'shutdown' },
    { kind: 'back', reason: 'shutdown' },
  ],
  [
    { kind: 'stopped', reason: 'canceled' },
    { kind: 'back', reason: 'canceled' },
  ],
  [
    { kind: 'notBegun', reason: 'it waited behind a long job' },
    { kind: 'back', reason: 'it waited behind a long job' },
  ],
];

describe('what is written for an outcome', () => {
  it.each(table)('%j', (outcome, settlement) => {
    expect(settlementOf(outcome)).toEqual(settlement);
  });

  it('is short, and JSON that Redis can parse: no half of a surrogate pair', () => {
    const message = `${'x'.repeat(487)}😀${'y'.repeat(600)}`;
    const end = settlementOf({ kind: 'threw', error: { ...error, message }, retryable: true });
    if (end.kind !== 'fail') throw new Error('it fails');
    expect(end.reason).toMatch(/x\uFFFD…$/);
    expect(end.reason.length).toBe(501);
  });
});
