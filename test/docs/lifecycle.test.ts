import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { jobStatuses, moves } from '../../src/redis/job-status.js';

const page = readFileSync(new URL('../../docs/lifecycle.md', import.meta.url), 'utf8');

/** `a --> b` of the first state diagram, without the entry and exit points. */
const arrowsOf = (markdown: string): string[] => {
  const diagram = /```mermaid\s+stateDiagram[^\n]*\n([\s\S]*?)```/.exec(markdown)?.[1] ?? '';
  const arrows = [...diagram.matchAll(/^\s*([\w*[\]]+)\s*-->\s*([\w*[\]]+)/gm)];
  return arrows.flatMap(([, from, to]) =>
    from === '[*]' || to === '[*]' ? [] : [`${from} --> ${to}`],
  );
};

describe('docs/lifecycle.md', () => {
  it('draws the moves of the code, each once, and no others', () => {
    const expected = Object.entries(moves).flatMap(([from, to]) =>
      to.map((status) => `${from} --> ${status}`),
    );
    expect(arrowsOf(page).sort()).toEqual([...expected].sort());
  });

  it('knows every status', () => {
    const unknown = arrowsOf(page)
      .flatMap((arrow) => arrow.split(' --> '))
      .filter((word) => !(jobStatuses as readonly string[]).includes(word));
    expect(unknown).toEqual([]);
    for (const status of jobStatuses) expect(page).toContain(`\`${status}\``);
  });
});
