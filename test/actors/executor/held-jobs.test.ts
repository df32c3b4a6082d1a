import { describe, expect, it } from '@jest/globals';
import { ProtocolError } from '../../../src/actors/executor/frames.js';
import { HeldJobs } from '../../../src/actors/executor/held-jobs.js';
import { outcomeOf } from '../../../src/actors/executor/outcome-of.js';
import { job } from './support/lab.js';

const holding = (count: number) => {
  const held = new HeldJobs();
  const jobs = Array.from({ length: count }, () => job('noop'));
  held.add(jobs, 0);
  return { held, jobs };
};

describe('the jobs a child holds', () => {
  it('begin in order, one at a time, and end once', () => {
    const { held } = holding(2);
    held.begin(1, 5);
    expect(held.running?.number).toBe(1);
    expect(() => held.begin(2, 6)).toThrow(ProtocolError);
    held.end(1, true);
    expect(() => held.end(1, true)).toThrow('does not hold');
    expect(() => held.end(2, true)).toThrow(ProtocolError);
    held.begin(2, 7);
    expect(() => held.end(2, false)).toThrow(ProtocolError);
    held.end(2, true);
    expect(held.size).toBe(0);
  });

  it('cannot be jumped, forged or spoken for', () => {
    const { held } = holding(3);
    expect(() => held.begin(2, 1)).toThrow('out of turn');
    for (const number of [0, -1, 4, 99]) expect(() => held.begin(number, 1)).toThrow(ProtocolError);
    expect(() => held.speaking(1)).toThrow(ProtocolError);
  });

  it('are taken back above a number, unless one of them runs', () => {
    const { held } = holding(4);
    held.begin(1, 0);
    expect(held.takeAbove(2).map(({ number }) => number)).toEqual([3, 4]);
    expect(() => held.takeAbove(0)).toThrow('denied');
    expect(held.size).toBe(2);
    expect(held.add([job('noop')], 1)[0]?.number).toBe(5);
  });

  it('may be given back by the child after they were taken back, which changes nothing', () => {
    const { held } = holding(3);
    held.begin(1, 0);
    held.takeAbove(1);
    expect(held.end(2, false)).toBeNull();
    expect(held.end(3, false)).toBeNull();
    expect(() => held.end(3, true)).toThrow('does not hold');
    expect(() => held.end(4, false)).toThrow('does not hold');
    expect(held.end(1, true)?.number).toBe(1);
  });
});

describe('the outcome of a job whose end was decided', () => {
  const limit = { kind: 'timedOut', limitMs: 100 } as const;
  const stopped = { kind: 'stopped', reason: 'canceled' } as const;
  const returned = { kind: 'returned', result: null } as const;
  const threw = {
    kind: 'threw',
    error: { name: '', message: '', stack: '' },
    retryable: true,
  } as const;

  it.each([
    [null, returned, 500, returned],
    [limit, returned, 99, returned],
    [limit, threw, 100, threw],
    [limit, returned, 101, limit],
    [limit, threw, 101, limit],
    [stopped, returned, 5, returned],
    [stopped, threw, 5, stopped],
  ])('%j, %j after %i ms', (fate, said, tookMs, outcome) => {
    expect(outcomeOf(fate, said, tookMs)).toBe(outcome);
  });
});
