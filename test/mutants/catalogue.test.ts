import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { holds } from '../faults/support/shown.js';
import { mutants } from './catalogue.mjs';

const src = new URL('../../src/', import.meta.url);

describe('the catalogue of mutants', () => {
  it('has each name once', () => {
    const names = mutants.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
  });

  it.each(mutants.map((mutant) => [mutant.name, mutant] as const))(
    '%s: finds its rule exactly once, and the tests that must notice',
    (_, { file, from, to, red }) => {
      expect(readFileSync(new URL(file, src), 'utf8').split(from)).toHaveLength(2);
      expect(to).not.toBe(from);
      const missing = Object.entries(red).filter(([test, name]) => !holds(test, name));
      expect(missing).toEqual([]);
    },
  );
});
