import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { threats } from './catalogue.mjs';

const here = new URL('./', import.meta.url);
/** Texts before a function: the titles of tests, however they are written. */
const titlesIn = (url: URL): string[] =>
  [
    ...readFileSync(url, 'utf8').matchAll(/(['"`])((?:(?!\1).)+)\1,\s*(?:async )?(?:\(|\w+ =>)/g),
  ].map(([, , title]) => title as string);
const own = readdirSync(here)
  .filter((name) => name.endsWith('.test.ts'))
  .flatMap((name) => titlesIn(new URL(name, here)).map((title) => ({ name, title })));
const numbersOf = (title: string): number[] =>
  [...(/^(?:S\d+: )+/.exec(title)?.[0].matchAll(/\d+/g) ?? [])].map(Number);

const page = readFileSync(new URL('../../docs/security.md', here), 'utf8');
const cells = (text: string): string[] => text.split(' | ').map((cell) => cell.trim());

describe('the catalogue of threats', () => {
  it('has every threat once, in order', () => {
    expect(threats.map(({ number }) => number)).toEqual(
      Array.from({ length: 32 }, (_, n) => n + 1),
    );
  });

  it('names only tests that are there', () => {
    const missing = threats.flatMap(({ number, elsewhere = [] }) =>
      elsewhere
        .filter((place) => {
          const [, file, begin = ''] = /^(\S+): (.*)$/.exec(place) ?? [];
          const url = new URL(`../${file}.test.ts`, here);
          return !existsSync(url) || !titlesIn(url).some((title) => title.startsWith(begin));
        })
        .map((place) => `S${number} ${place}`),
    );
    expect(missing).toEqual([]);
  });

  it('has a test for every threat, or a reason why there is none', () => {
    const shown = new Set(own.flatMap(({ title }) => numbersOf(title)));
    const untold = threats.filter(
      ({ number, elsewhere, without }) => !shown.has(number) && !elsewhere && !without,
    );
    expect(untold.map(({ number, threat }) => `S${number} ${threat}`)).toEqual([]);
    expect(
      [...shown].filter((number) => !threats.some((threat) => threat.number === number)),
    ).toEqual([]);
  });

  it('stands in docs/security.md', () => {
    const told = [...page.matchAll(/^\| S(\d+) \| (.+) \|$/gm)].map(([, number, rest]) => [
      Number(number),
      ...cells(rest as string),
    ]);
    expect(told).toEqual(
      threats.map(({ number, threat, defence, without = '' }) => [
        number,
        threat,
        [defence, without].filter((text) => text !== '').join('; '),
      ]),
    );
  });
});
