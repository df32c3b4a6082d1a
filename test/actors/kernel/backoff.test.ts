import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backoffDelayMs, nextBackoff } from '../../../src/actors/kernel/backoff.js';

const backoff = { firstMs: 100, maxMs: 1000, resetAfterMs: 5000 };

describe('backoffDelayMs', () => {
  it('doubles up to its maximum', () => {
    const delays = [0, 1, 2, 3, 4, 5000].map((attempt) => backoffDelayMs(attempt, backoff, 0));
    expect(delays).toEqual([100, 200, 400, 800, 1000, 1000]);
  });

  it('takes at most the jitter away, and never adds', () => {
    const chances = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.nat(2000), chances, chances, (attempt, jitter, random) => {
        const full = backoffDelayMs(attempt, backoff, 0);
        const delayMs = backoffDelayMs(attempt, { ...backoff, jitter }, random);
        expect(delayMs).toBeLessThanOrEqual(full);
        expect(delayMs).toBeGreaterThanOrEqual(Math.floor(full * (1 - jitter)));
      }),
    );
  });
});

describe('nextBackoff', () => {
  it('goes on where the last crash left it', () => {
    const first = nextBackoff(undefined, 0, backoff, 0);
    const second = nextBackoff(first, 4999, backoff, 0);
    expect([first, second]).toEqual([
      { attempt: 0, delayMs: 100 },
      { attempt: 1, delayMs: 200 },
    ]);
  });

  it('begins anew after a time of health', () => {
    const last = { attempt: 7, delayMs: 1000 };
    expect(nextBackoff(last, 5000, backoff, 0)).toEqual({ attempt: 0, delayMs: 100 });
  });
});
