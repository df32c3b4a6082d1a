import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Rate } from '../../src/actors/prefetch.js';

/** `perMs` jobs a millisecond, each of which took so long, told every 10 ms for a while. */
const steady = (perMs: number, tookMs: number, rate = new Rate(), fromMs = 10_000): Rate => {
  for (let at = 0; at <= 500; at += 10) {
    rate.ended(perMs * 10, perMs * 10 * tookMs, fromMs + at);
  }
  return rate;
};

describe('how far ahead jobs are claimed', () => {
  it('is nothing before anything was measured', () => {
    expect(new Rate().hold(1_000)).toBe(0);
    expect(new Rate().window()).toBe(1);
  });

  it('is about 30 ms of jobs while more wait, and nothing otherwise', () => {
    const rate = steady(2, 0.4);
    expect(rate.hold(1_000)).toBeGreaterThanOrEqual(55);
    expect(rate.hold(1_000)).toBeLessThanOrEqual(66);
    expect(rate.hold(0)).toBe(0);
  });

  it('is nothing for jobs of more than 10 ms, however many of them run', () => {
    const rate = steady(1, 12);
    expect(rate.hold(1_000)).toBe(0);
    expect(rate.window()).toBe(1);
  });

  it('ends with the first batches that are long', () => {
    const rate = steady(2, 0.4);
    rate.ended(16, 16 * 100, 20_000);
    expect(rate.hold(1_000)).toBe(0);
    expect(rate.window()).toBe(1);
  });

  it('does not take a pause for a rate, nor the rate before a pause for the one after', () => {
    const rate = steady(2, 0.4);
    rate.ended(1, 0.4, 100_000);
    expect(rate.hold(1_000)).toBe(0);
    steady(2, 0.4, rate, 100_010);
    expect(rate.hold(1_000)).toBeGreaterThanOrEqual(55);
  });

  it('is nothing after held jobs had to go back, until others have ended', () => {
    const rate = steady(2, 0.4);
    rate.stalled();
    expect([rate.hold(1_000), rate.window()]).toEqual([0, 1]);
    steady(2, 0.4, rate, 20_000);
    expect(rate.hold(1_000)).toBeGreaterThanOrEqual(55);
  });

  it('gives a child 10 ms of work at a time, 128 jobs at most', () => {
    expect(steady(1, 2).window()).toBe(5);
    expect(steady(1, 9).window()).toBe(1);
    expect(steady(10, 0.01).window()).toBe(128);
  });

  it('stays within its bounds whatever is measured', () => {
    const batch = fc.tuple(
      fc.integer({ min: 1, max: 1_000 }),
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      fc.double({ min: 0, max: 5_000, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(batch), fc.nat(), (batches, left) => {
        const rate = new Rate();
        let nowMs = 0;
        for (const [count, tookMs, passedMs] of batches) {
          nowMs += passedMs;
          rate.ended(count, tookMs, nowMs);
          const [hold, window] = [rate.hold(left), rate.window()];
          expect(Number.isInteger(hold) && hold >= 0 && hold <= 512).toBe(true);
          expect(Number.isInteger(window) && window >= 1 && window <= 128).toBe(true);
        }
      }),
    );
  });
});
