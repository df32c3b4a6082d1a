import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Deadline } from '../../../src/actors/executor/deadline.js';
import { endedByDeath } from '../../../src/actors/executor/death.js';
import { HeldJobs } from '../../../src/actors/executor/held-jobs.js';
import { job } from './support/lab.js';

describe('the deadline', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const running = (timeoutMs: number | null) => {
    const held = new HeldJobs();
    held.add([job('noop', [], { timeoutMs })], performance.now());
    return held.begin(1, performance.now());
  };

  it('comes at the limit of the job, counted from its begin', () => {
    const due: number[] = [];
    const deadline = new Deadline((_, limitMs) => due.push(limitMs));
    deadline.arm(running(500));
    jest.advanceTimersByTime(499);
    expect(due).toEqual([]);
    jest.advanceTimersByTime(2);
    expect(due).toEqual([500]);
  });

  it('does not come for a job without one, nor for one that was replaced', () => {
    const due: number[] = [];
    const deadline = new Deadline((_, limitMs) => due.push(limitMs));
    deadline.arm(running(100));
    deadline.arm(running(null));
    deadline.arm(running(100));
    deadline.clear();
    jest.advanceTimersByTime(10_000);
    expect(due).toEqual([]);
  });

  it('can be further away than the longest timer', () => {
    const due: number[] = [];
    const deadline = new Deadline((_, limitMs) => due.push(limitMs));
    deadline.arm(running(2 ** 31 + 1000));
    jest.advanceTimersByTime(2 ** 31);
    expect(due).toEqual([]);
    jest.advanceTimersByTime(1_001);
    expect(due).toEqual([2 ** 31 + 1000]);
  });
});

it('death charges the running job only, and with what was decided for it', () => {
  const held = new HeldJobs();
  held.add([job('noop'), job('noop')], 0);
  const death = { exitCode: null, signal: 'SIGKILL', verdict: null, stderr: 'last words' };
  const running = held.begin(1, 0);
  const kinds = (fate: typeof running.fate) => {
    running.fate = fate;
    const all = [running, held.firstWaiting() as typeof running];
    return endedByDeath(all, running, death).map(({ outcome }) => outcome);
  };
  const [died, notBegun] = kinds(null);
  expect(died).toMatchObject({ kind: 'died', detail: 'it was ended by SIGKILL\nlast words' });
  expect(notBegun).toEqual({
    kind: 'notBegun',
    reason: 'the executor is gone: it was ended by SIGKILL',
  });
  expect(kinds({ kind: 'stopped', reason: 'shutdown' })[0]).toEqual({
    kind: 'stopped',
    reason: 'shutdown',
  });
});
