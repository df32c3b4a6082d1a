import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { deal } from '../../src/actors/deal.js';

const takers = (...held: number[]) => held.map((count) => ({ concurrency: 1, held: count }));
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('deal', () => {
  it('gives the first jobs to different takers, so that they run side by side', () => {
    const [a, b] = takers(0, 0) as [{ concurrency: 1; held: number }, never];
    const hands = deal(numbers(5), [a, b], 8);
    expect(hands.get(a)).toEqual([0, 2, 4]);
    expect(hands.get(b)).toEqual([1, 3]);
    expect([a.held, (b as typeof a).held]).toEqual([3, 2]);
  });

  it('gives one that is busy nothing while jobs are long', () => {
    const [busy, idle] = takers(1, 0) as [{ concurrency: 1; held: number }, never];
    const hands = deal(numbers(5), [busy, idle], 1);
    expect([...hands.values()]).toEqual([[0]]);
    expect(hands.has(busy)).toBe(false);
  });

  it('refills a window only once it is half empty', () => {
    expect(deal(numbers(9), takers(5), 8).size).toBe(0);
    expect([...deal(numbers(9), takers(3), 8).values()]).toEqual([[0, 1, 2, 3, 4]]);
  });

  it('gives everything to one that runs many at a time', () => {
    const inline = { concurrency: 10, held: 10 };
    expect(deal(numbers(100), [inline], 1).get(inline)).toHaveLength(100);
  });

  it('deals each job at most once, in order, and never above the window', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 60 }),
        fc.array(fc.nat({ max: 40 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 32 }),
        (count, held, window) => {
          const all = takers(...held);
          const hands = [...deal(numbers(count), all, window).values()];
          for (const hand of hands) expect(hand).toEqual(hand.toSorted((a, b) => a - b));
          const dealt = hands.flat().toSorted((a, b) => a - b);
          expect(dealt).toEqual(numbers(dealt.length));
          all.forEach((taker, at) => {
            expect(taker.held).toBeLessThanOrEqual(Math.max(window, held[at] as number));
          });
        },
      ),
    );
  });
});
