import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Grace } from '../../src/actors/grace.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const watched = () => {
  const grace = new Grace();
  let isOver = false;
  void grace.over.then(() => {
    isOver = true;
  });
  const isOverAfter = async (ms: number) => {
    await jest.advanceTimersByTimeAsync(ms);
    return isOver;
  };
  return { grace, isOverAfter };
};

describe('a grace', () => {
  it('has no limit at first, and none of 24 days or more', async () => {
    const { grace, isOverAfter } = watched();
    grace.shorten(Number.POSITIVE_INFINITY);
    grace.shorten(2 ** 31);
    expect(jest.getTimerCount()).toBe(0);
    expect(await isOverAfter(1e9)).toBe(false);
  });

  it('is shortened, and never lengthened', async () => {
    const { grace, isOverAfter } = watched();
    grace.shorten(10_000);
    grace.shorten(20_000);
    expect(await isOverAfter(9_000)).toBe(false);
    grace.shorten(5_000);
    expect(await isOverAfter(1_001)).toBe(true);
  });

  it('is over at once when it is cut to nothing', async () => {
    const { grace, isOverAfter } = watched();
    grace.shorten(10_000);
    grace.shorten(0);
    expect(await isOverAfter(1)).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('leaves no timer behind when nobody waits any more', () => {
    const { grace } = watched();
    grace.shorten(10_000);
    grace.cancel();
    expect(jest.getTimerCount()).toBe(0);
  });
});
