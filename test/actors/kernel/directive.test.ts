import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { recordRestart } from '../../../src/actors/kernel/directive.js';

const limit = { restarts: 2, withinMs: 100 };

describe('recordRestart', () => {
  it('counts restarts within the window', () => {
    expect(recordRestart([], 10, limit)).toEqual([10]);
    expect(recordRestart([10], 20, limit)).toEqual([10, 20]);
    expect(recordRestart([10, 20], 30, limit)).toBeNull();
  });

  it('forgets a restart when the window has passed it, to the millisecond', () => {
    expect(recordRestart([0, 50], 99, limit)).toBeNull();
    expect(recordRestart([0, 50], 100, limit)).toEqual([50, 100]);
  });

  it('allows none with a limit of 0', () => {
    expect(recordRestart([], 0, { restarts: 0, withinMs: 100 })).toBeNull();
  });

  it('says null exactly when more than the limit fall within the window', () => {
    const gaps = fc.array(fc.nat(200), { minLength: 1, maxLength: 30 });
    const limits = fc.record({ restarts: fc.nat(5), withinMs: fc.integer({ min: 1, max: 300 }) });
    fc.assert(
      fc.property(gaps, limits, (waits, allowed) => {
        let kept: readonly number[] = [];
        let nowMs = 0;
        const all: number[] = [];
        for (const wait of waits) {
          nowMs += wait;
          all.push(nowMs);
          const inWindow = all.filter((timeMs) => nowMs - timeMs < allowed.withinMs);
          const next = recordRestart(kept, nowMs, allowed);
          expect(next).toEqual(inWindow.length > allowed.restarts ? null : inWindow);
          if (next === null) return;
          kept = next;
        }
      }),
    );
  });
});
