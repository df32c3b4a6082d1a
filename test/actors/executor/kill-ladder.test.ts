import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { KillLadder } from '../../../src/actors/executor/kill-ladder.js';

describe('the kill ladder', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const climbing = () => {
    const steps: string[] = [];
    const ladder = new KillLadder(
      {
        abort: () => steps.push('abort'),
        terminate: () => steps.push('terminate'),
        kill: () => steps.push('kill'),
      },
      100,
    );
    return { steps, ladder };
  };

  it('asks, terminates and kills, with the grace in between', () => {
    const { steps, ladder } = climbing();
    ladder.climb();
    ladder.climb();
    expect(steps).toEqual(['abort']);
    jest.advanceTimersByTime(100);
    expect(steps).toEqual(['abort', 'terminate']);
    jest.advanceTimersByTime(99);
    expect(steps.length).toBe(2);
    jest.advanceTimersByTime(1);
    expect(steps).toEqual(['abort', 'terminate', 'kill']);
    jest.advanceTimersByTime(10_000);
    expect(steps.length).toBe(3);
  });

  it('can be left after the first step only, and climbed again', () => {
    const { steps, ladder } = climbing();
    ladder.climb();
    ladder.stepOff();
    jest.advanceTimersByTime(1_000);
    expect(steps).toEqual(['abort']);
    ladder.climb();
    jest.advanceTimersByTime(100);
    ladder.stepOff();
    jest.advanceTimersByTime(100);
    expect(steps).toEqual(['abort', 'abort', 'terminate', 'kill']);
  });

  it('kills once, and not what is gone', () => {
    const { steps, ladder } = climbing();
    ladder.kill();
    ladder.kill();
    ladder.climb();
    expect(steps).toEqual(['kill']);
    const gone = climbing();
    gone.ladder.climb();
    gone.ladder.end();
    jest.advanceTimersByTime(1_000);
    expect(gone.steps).toEqual(['abort']);
  });
});
