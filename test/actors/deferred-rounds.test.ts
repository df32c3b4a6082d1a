import { describe, expect, it } from '@jest/globals';
import { deferredRounds } from '../../src/actors/deferred-rounds.js';

/** Rounds over a registry of three parts, in which some seem forgotten. */
const makeRounds = (forgotten: Record<string, string[]>) => {
  let nowMs = 0;
  const asked: string[] = [];
  const freed: string[] = [];
  const parts = ['0', '7', '3'];
  const round = deferredRounds(
    {
      freeMore: async () => undefined,
      drainReady: async () => 0,
      findStuck: async (queue, cursor) => {
        asked.push(`${queue} ${cursor}`);
        const next = parts[(parts.indexOf(cursor) + 1) % parts.length] as string;
        return { cursor: next, ids: (forgotten[cursor] ?? []).map((id) => Buffer.from(id)) };
      },
      freeStuck: async (queue, ids) => {
        for (const id of ids) freed.push(`${queue} ${id}`);
      },
    },
    { forgottenForMs: 100, nowMs: () => nowMs },
  );
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { round, asked, freed, pass };
};

describe('the rounds of jobs that wait for others', () => {
  it('look at one part after the other, each queue by itself', async () => {
    const { round, asked } = makeRounds({});
    for (const queue of ['a', 'b', 'a', 'a', 'b', 'a']) await round(queue);
    expect(asked).toEqual(['a 0', 'b 0', 'a 7', 'a 3', 'b 7', 'a 0']);
  });

  it('free what was seen long enough ago, once', async () => {
    const { round, freed, pass } = makeRounds({ 0: ['x'], 7: ['y'] });
    await round('a');
    pass(60);
    await round('a');
    expect(freed).toEqual([]);
    pass(60);
    await round('a');
    expect(freed).toEqual(['a x']);
    pass(60);
    await round('a');
    expect(freed).toEqual(['a x', 'a y']);
  });

  it('see again what was not freed', async () => {
    const { round, freed, pass } = makeRounds({ 0: ['x'], 7: ['x'], 3: ['x'] });
    for (let n = 0; n < 7; n++) {
      await round('a');
      pass(60);
    }
    expect(freed).toEqual(['a x', 'a x', 'a x']);
  });
});
