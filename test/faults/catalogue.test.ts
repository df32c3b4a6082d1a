import { describe, expect, it } from '@jest/globals';
import { faultsOf } from './catalogue.mjs';
import { elsewhereOf, faults, filesOf, holds, numbered } from './support/shown.js';

describe('the catalogue of faults', () => {
  it('has every fault once, in order', () => {
    expect(faults.map(({ number }) => number)).toEqual(Array.from({ length: 99 }, (_, n) => n + 1));
  });

  it('names only tests that are there', () => {
    const missing = faults.flatMap((fault) =>
      elsewhereOf(fault).flatMap(({ file, name }) =>
        holds(file, name) ? [] : [`F${fault.number} ${file}: ${name}`],
      ),
    );
    expect(missing).toEqual([]);
  });

  it('has a test for every fault, or a reason why there is none', () => {
    const untold = faults.filter((fault) => filesOf(fault).length === 0 && !fault.without);
    expect(untold.map(({ number, fault }) => `F${number} ${fault}`)).toEqual([]);
  });

  it('knows every number that a test here has', () => {
    const known = new Set(faults.map(({ number }) => number));
    expect(numbered.length).toBeGreaterThan(20);
    expect(numbered.filter(({ title }) => faultsOf(title).some((n) => !known.has(n)))).toEqual([]);
  });
});
