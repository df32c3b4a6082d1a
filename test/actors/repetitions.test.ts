import { describe, expect, it } from '@jest/globals';
import { Repetitions } from '../../src/actors/repetitions.js';

describe('repetitions', () => {
  it('are told ever more seldom, down to once a minute', () => {
    let nowMs = 0;
    const repetitions = new Repetitions(() => nowMs);
    const toldAt: number[] = [];
    for (; nowMs < 300_000; nowMs += 250) {
      if (repetitions.isNews('Connection is closed.')) toldAt.push(nowMs / 1_000);
    }
    expect(toldAt).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
  });

  it('are told apart, and are news again when they were quiet for long', () => {
    let nowMs = 0;
    const repetitions = new Repetitions(() => nowMs);
    expect(['a', 'b', 'a'].map((words) => repetitions.isNews(words))).toEqual([true, true, false]);
    nowMs = 200_000;
    expect(repetitions.isNews('a')).toBe(true);
    nowMs += 1_000;
    expect(repetitions.isNews('a')).toBe(true);
  });

  it('remember a hundred troubles and no more', () => {
    const repetitions = new Repetitions(() => 0);
    for (let n = 0; n <= 100; n += 1) repetitions.isNews(String(n));
    expect(repetitions.isNews('100')).toBe(false);
    expect(repetitions.isNews('0')).toBe(true);
  });
});
