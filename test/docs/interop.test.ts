import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { catalogue } from '../interop/cases/catalogue.mjs';

const page = readFileSync(new URL('../../docs/interop.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| (\d+)( ★)? \| (.+) \| ([^|]*) \|$/gm)].map(
  ([, number, star, shows, tests]) => ({ number: Number(number), star: !!star, shows, tests }),
);
const reasons = [...page.matchAll(/^- (\d+)(?:, RQ ([\d.]+))?: (.+)\.$/gm)].map(
  ([, number, release, why]) => ({ number: Number(number), release: release ?? 'all', why }),
);

/** The cases that a test file names, in the names of its tests. */
const casesIn = (name: string): number[] => {
  const paths = [`../interop/${name}.test.ts`, `../${name}.test.ts`];
  const url = paths.map((path) => new URL(path, import.meta.url)).find((each) => existsSync(each));
  if (!url) throw new Error(`docs/interop.md names the test file ${name}, which is not there`);
  const heads = [...readFileSync(url, 'utf8').matchAll(/(['"`])(\d+(?:, \d+)*): /g)];
  return heads.flatMap(([, , numbers]) => (numbers ?? '').split(', ').map(Number));
};

describe('docs/interop.md', () => {
  it('has the cases of the catalogue, in order', () => {
    expect(catalogue.map(({ number }) => number)).toEqual(
      Array.from({ length: 56 }, (_, n) => n + 1),
    );
    const asRow = catalogue.map(({ number, star = false, shows }) => ({ number, star, shows }));
    expect(rows.map(({ number, star, shows }) => ({ number, star, shows }))).toEqual(asRow);
  });

  it('names for each case a test that shows it, or a reason why there is none', () => {
    for (const { number, tests } of rows) {
      const files = [...(tests ?? '').matchAll(/`([^`]+)`/g)].map(([, file]) => file as string);
      for (const file of files) expect([file, ...casesIn(file)]).toContain(number);
      const isWithout = catalogue[number - 1]?.without?.all !== undefined;
      if (files.length === 0) expect({ number, isWithout }).toEqual({ number, isWithout: true });
    }
  });

  it('says why a case is not shown with a release, or with none', () => {
    const known = catalogue.flatMap(({ number, without = {} }) =>
      Object.entries(without).map(([release, why]) => ({ number, release, why })),
    );
    const alone = catalogue.flatMap(({ number, node }) =>
      node ? [{ number, release: 'all', why: node }] : [],
    );
    expect(reasons).toEqual([...known, ...alone]);
  });

  it('tells of sharp edges that tests show, and of no others', () => {
    const directory = new URL('../interop/sharp-edges/', import.meta.url);
    const sources = readdirSync(directory).map((name) =>
      readFileSync(new URL(name, directory), 'utf8'),
    );
    const shown = sources.flatMap((source) =>
      [...source.matchAll(/\bS(\d+): /g)].map(([, n]) => Number(n)),
    );
    const told = [...page.matchAll(/^\| S(\d+) \| /gm)].map(([, n]) => Number(n));
    expect(told).toEqual([...new Set(shown)].sort((a, b) => a - b));
  });
});
