import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { areas, labelOf } from '../faults/catalogue.mjs';
import { filesOf } from '../faults/support/shown.js';

const page = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8');

const linkTo = (file: string): string => {
  const [path = '', ...mark] = file.split(' ');
  return [`[${path}](../test/${path}.test.ts)`, ...mark].join(' ');
};

describe('docs/reliability.md', () => {
  it.each(areas.map(({ area, faults }) => [area, faults] as const))(
    'has the faults of the catalogue: %s',
    (area, faults) => {
      const [, section = ''] = page.split(`### ${area}\n`);
      const rows = section.split('\n### ')[0]?.match(/^\| F\d\d .*$/gm) ?? [];
      const expected = faults.map((fault) => {
        const tests = filesOf(fault).map(linkTo).join(', ') || `none: ${fault.without}`;
        return `| ${labelOf(fault.number)} | ${fault.fault} | ${fault.promise} | ${tests} |`;
      });
      expect(rows).toEqual(expected);
    },
  );
});
