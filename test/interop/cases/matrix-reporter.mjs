// @ts-check
import { catalogue, releases } from './catalogue.mjs';

const missing = 'MISSING';

/** Prints which case of the catalogue was shown with which release. In a run of all tests none may be missing. */
export default class MatrixReporter {
  /** @type {Error | undefined} */ #error;
  #isWhole;

  /** @param {GlobalConfig} globalConfig */
  constructor(globalConfig) {
    this.#isWhole = isWholeRun(globalConfig);
  }

  /** @param {unknown} _ @param {Results} results */
  onRunComplete(_, results) {
    const seen = outcomesOf(results);
    const shown = catalogue.filter(({ number }) => this.#isWhole || seen.has(number));
    if (shown.length === 0) return;
    const rows = shown.map((each) => ({
      each,
      cells: releases.map((release) => this.#cellOf(each, release, seen)),
    }));
    process.stderr.write(`\n${print(rows, this.#isWhole)}\n`);
    const gaps = rows.filter(({ cells }) => cells.includes(missing));
    if (gaps.length > 0) {
      const numbers = gaps.map(({ each }) => each.number).join(', ');
      const text = `Interop cases that nothing has shown, and no reason why: ${numbers}`;
      // Jest fails the run for the error, and does not print it.
      process.stderr.write(`${text}\n`);
      this.#error = new Error(text);
    }
  }

  getLastError() {
    return this.#error;
  }

  /** @param {import('./catalogue.mjs').Case} each @param {typeof releases[number]} release @param {Outcomes} seen */
  #cellOf(each, release, seen) {
    const ofCase = seen.get(each.number);
    const statuses = [...(ofCase?.get(release) ?? []), ...(ofCase?.get('all') ?? [])];
    if (statuses.includes('failed')) return 'FAIL';
    if (statuses.includes('passed')) return 'pass';
    if (each.without?.[release] ?? each.without?.all) return 'n/a';
    if (statuses.length > 0) return 'skipped';
    // Debian's release is shown the cases that are cheap; the others are not promised there.
    return this.#isWhole && release !== '1.13' ? missing : '·';
  }
}

/** @typedef {{ testPathPatterns?: { patterns?: string[] }, testNamePattern?: string, onlyChanged?: boolean, shard?: unknown }} GlobalConfig of jest */

/** Whether nothing was left out by the command line. @param {GlobalConfig} globalConfig */
export const isWholeRun = ({ testPathPatterns, testNamePattern, onlyChanged, shard }) =>
  !testPathPatterns?.patterns?.length && !testNamePattern && !onlyChanged && !shard;

/** @typedef {{ testResults: { testResults: { ancestorTitles: string[], title: string, status: string }[] }[] }} Results of jest */
/** @typedef {Map<number, Map<string, string[]>>} Outcomes by case and release; a test without Python is of `all` */

/** @param {Results} results @returns {Outcomes} */
function outcomesOf(results) {
  /** @type {Outcomes} */ const seen = new Map();
  for (const { testResults } of results.testResults) {
    for (const { ancestorTitles, title, status } of testResults) {
      const release = /Python RQ (\d+\.\d+)/.exec(ancestorTitles.join(' '))?.[1] ?? 'all';
      for (const number of numbersOf(title)) {
        const ofCase = seen.get(number) ?? new Map();
        seen.set(number, ofCase.set(release, [...(ofCase.get(release) ?? []), status]));
      }
    }
  }
  return seen;
}

/** The cases that a test of this name shows. @param {string} title */
export function numbersOf(title) {
  const head = /^(\d+(?:, \d+)*): /.exec(title)?.[1];
  return head ? head.split(', ').map(Number) : [];
}

/** @param {{ each: import('./catalogue.mjs').Case, cells: string[] }[]} rows @param {boolean} isWhole */
function print(rows, isWhole) {
  const line = (/** @type {string} */ name, /** @type {readonly string[]} */ cells) =>
    `${cells.map((cell) => cell.padEnd(8)).join('')}${name}`;
  const reasons = rows.flatMap(({ each }) =>
    Object.entries(each.without ?? {}).map(
      ([release, why]) => `  ${each.number}${release === 'all' ? '' : `, ${release}`}: ${why}`,
    ),
  );
  const alone = rows.flatMap(({ each }) => (each.node ? [`  ${each.number}: ${each.node}`] : []));
  return [
    `Interop cases${isWhole ? '' : ' of this run'} (docs/interop.md)`,
    line('', releases),
    ...rows.map(({ each, cells }) =>
      line(`${String(each.number).padStart(2)} ${each.star ? '★' : ' '} ${each.shows}`, cells),
    ),
    ...(reasons.length > 0 ? ['n/a:', ...reasons] : []),
    ...(alone.length > 0 ? ['without Python:', ...alone] : []),
  ].join('\n');
}
