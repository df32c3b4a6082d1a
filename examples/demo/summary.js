// @ts-check
import { colours } from './screen.js';

/** A table of sums; each row says what it must be and what it is. */
export class Summary {
  /** @type {Array<{ what: string, expected: number, seen: number }>} */
  #rows = [];

  /** @param {string} what @param {number} expected @param {number} seen */
  check(what, expected, seen) {
    this.#rows.push({ what, expected, seen });
  }

  get addsUp() {
    return this.#rows.every(({ expected, seen }) => expected === seen);
  }

  toString() {
    const width = Math.max(...this.#rows.map(({ what }) => what.length));
    const lines = this.#rows.map(({ what, expected, seen }) => {
      const mark = expected === seen ? colours.green('ok') : colours.red('WRONG');
      const cells = [expected, seen].map((n) => n.toLocaleString('en').padStart(9));
      return `  ${what.padEnd(width)}${cells.join('')}  ${mark}`;
    });
    return [colours.dim(`  ${''.padEnd(width)} expected     seen`), ...lines].join('\n');
  }
}
