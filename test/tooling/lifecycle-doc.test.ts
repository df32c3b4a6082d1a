import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { moves } from '../../src/redis/job-status.js';

const page = readFileSync(new URL('../../docs/lifecycle.md', import.meta.url), 'utf8');
const source = readFileSync(new URL('../../src/redis/lifecycle-event.ts', import.meta.url), 'utf8');

describe('docs/lifecycle.md', () => {
  it('draws exactly the legal moves', () => {
    const drawn = [...page.matchAll(/^ {2}(\w+) --> (\w+) : /gm)].map(
      ([, from, to]) => `${from} ${to}`,
    );
    const legal = Object.entries(moves).flatMap(([from, all]) => all.map((to) => `${from} ${to}`));
    expect(drawn.sort()).toEqual(legal.sort());
  });

  it('has a row for every kind of event, and for no other', () => {
    const rows = [...page.matchAll(/^\| `(\w+)` \| (?=`|\|)/gm)].map(([, kind]) => kind);
    const kinds = [...source.matchAll(/\{ kind: '(\w+)'/g)].map(([, kind]) => kind);
    expect(rows).toEqual(kinds);
  });
});
