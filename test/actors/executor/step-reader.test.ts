import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeChildMessage } from '../../../src/actors/executor/child-message.js';
import { ProtocolError } from '../../../src/actors/executor/frames.js';
import { Reporter } from '../../../src/actors/executor/reporter.js';
import { StepReader } from '../../../src/actors/executor/step-reader.js';

const token = Buffer.alloc(16, 9);
const step = (seq: number, clockMs = 0) =>
  encodeChildMessage({ kind: 'report', seq, clockMs, leaving: 'x'.repeat(seq % 7) }, token);
const seqs = (reports: Iterable<unknown>) =>
  [...reports].map((report) => (report as { seq: number }).seq);

describe('steps', () => {
  it('come once and in order, whether by channel or journal', () => {
    const reader = new StepReader(1 << 16, token);
    expect(seqs(reader.fromChannel(Buffer.concat([step(1), step(2)]), 0))).toEqual([1, 2]);
    expect(seqs(reader.fromJournal(Buffer.concat([step(2), step(3), step(4)])))).toEqual([3, 4]);
    expect(seqs(reader.fromChannel(Buffer.concat([step(3), step(4), step(5)]), 0))).toEqual([5]);
    expect(() => seqs(reader.fromChannel(step(7), 0))).toThrow(ProtocolError);
  });

  it('end in the journal where older or torn ones begin', () => {
    const reader = new StepReader(1 << 16, token);
    const older = Buffer.concat([step(6), step(13), step(20)]);
    const newer = Buffer.concat([step(1), step(2)]);
    newer.copy(older);
    expect(seqs(reader.fromJournal(older))).toEqual([1, 2]);
    expect(seqs(reader.fromJournal(Buffer.concat([step(3), step(9)])))).toEqual([3]);
    for (let length = 0; length < step(4).length; length += 1) {
      expect(seqs(reader.fromJournal(step(4).subarray(0, length)))).toEqual([]);
    }
    expect(seqs(reader.fromJournal(Buffer.alloc(500, 1)))).toEqual([]);
  });

  it('are known when they came before bytes that are none', () => {
    const reader = new StepReader(1 << 16, token);
    const known: { seq: number }[] = [];
    const garbage = Buffer.concat([step(1), step(2), Buffer.alloc(40, 1)]);
    expect(() => reader.fromChannel(garbage, 0, known as never)).toThrow(ProtocolError);
    expect(seqs(known)).toEqual([1, 2]);
  });

  it('are all known at any instant of the child’s death', () => {
    // A child that dies after any step: what was sent and what the journal holds is everything. And so it is
    // while a step waits for a parent that does not read.
    const said = fc.array(
      fc.record({
        kind: fc.constantFrom('began', 'returned', 'returned and began', 'leaving'),
        size: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.constant(40_000)),
        isLast: fc.boolean(),
        isSlow: fc.boolean(),
      }),
      { minLength: 1, maxLength: 100 },
    );
    fc.assert(
      fc.property(said, (steps) => {
        const journal = Buffer.alloc(64 * 1024);
        let at = 0;
        let reported = 0;
        let isSlow = false;
        // What is too large for the journal is known once it was sent.
        let isLarge = false;
        const reader = new StepReader(1 << 20, token);
        const known: number[] = [];
        const expectAll = (count = reported) => {
          known.push(...seqs(reader.fromJournal(journal)));
          expect(known).toEqual(Array.from({ length: count }, (_, i) => i + 1));
        };
        const reporter = new Reporter(
          token,
          (bytes, end, onWait) => {
            if (isSlow && end < 40_000) {
              known.push(...seqs(reader.fromChannel(bytes.subarray(0, end >> 1), 0)));
              onWait();
              expectAll(isLarge ? reported - 1 : reported);
              known.push(...seqs(reader.fromChannel(bytes.subarray(end >> 1, end), 0)));
            } else known.push(...seqs(reader.fromChannel(bytes.subarray(0, end), 0)));
          },
          {
            write: (bytes: Buffer, start: number, end: number) => {
              at += bytes.copy(journal, at, start, end);
              return true;
            },
            rewind: () => {
              at = 0;
            },
          } as never,
        );
        for (const { kind, size, isLast, isSlow: isSlowNow } of steps) {
          const outcome = {
            kind: 'returned',
            result: size ? Buffer.alloc(size, 120) : null,
          } as const;
          isSlow = isSlowNow;
          isLarge = size === 40_000 && kind.startsWith('returned');
          reported += 1;
          const what = {
            ...(kind.startsWith('returned') && { ended: { job: 1, outcome, tookMs: 0.5 } }),
            ...(kind.endsWith('began') && { begun: { job: 2, atMs: 1.5 } }),
            ...(kind === 'leaving' && { leaving: 'y'.repeat(size % 1000) }),
          };
          if (isLast) reporter.reportLast(what);
          else reporter.report(what);
          if (isLast) expect(known.length).toBe(reported);
        }
        expectAll();
        reporter.flush();
      }),
    );
  });

  it('tell the time by the smallest delay seen', () => {
    const reader = new StepReader(1 << 16, token);
    seqs(reader.fromChannel(step(1, 100), 1_150));
    seqs(reader.fromChannel(step(2, 200), 1_210));
    expect(reader.toOurClock(205, 2_000)).toBe(1_215);
    expect(reader.toOurClock(5_000, 2_000)).toBe(2_000);
  });
});
