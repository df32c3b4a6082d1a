// @ts-check
import { isWholeRun } from '../interop/cases/matrix-reporter.mjs';
import { areas, faults, faultsOf, labelOf } from './catalogue.mjs';

/**
 * Prints what became of the fault matrix in a run: which faults were shown, and of each other one why not. What a
 * gate left out never looks like a success.
 */
export default class FaultReporter {
  #isWhole;

  /** @param {import('../interop/cases/matrix-reporter.mjs').GlobalConfig} globalConfig */
  constructor(globalConfig) {
    this.#isWhole = isWholeRun(globalConfig);
  }

  /** @param {unknown} _ @param {Results} results */
  onRunComplete(_, results) {
    const seen = outcomesOf(results);
    if (!this.#isWhole && ![...seen.keys()].some((key) => typeof key === 'number')) return;
    const lines = ['Fault matrix (docs/reliability.md)'];
    for (const { area, faults: ofArea } of areas) {
      /** @type {Record<string, string[]>} */ const groups = {};
      for (const fault of ofArea) {
        const state = stateOf(fault, seen);
        groups[state] = [...(groups[state] ?? []), labelOf(fault.number)];
      }
      const told = Object.entries(groups).map(([state, labels]) => `${state}: ${labels.join(' ')}`);
      lines.push(`  ${area}`, ...told.map((text) => `    ${text}`));
    }
    const reasons = faults.flatMap(({ number, without }) =>
      without ? [`    ${labelOf(number)}: ${without}`] : [],
    );
    if (reasons.length > 0) lines.push('  without a test', ...reasons);
    const skipped = [...seen.values()].some((statuses) => statuses.includes('pending'));
    if (skipped) lines.push('  Skipped tests are those of the long form: npm run faults');
    process.stderr.write(`\n${lines.join('\n')}\n`);
  }
}

/** @typedef {{ testResults: { testFilePath: string, testResults: { title: string, status: string }[] }[] }} Results of jest */
/** @typedef {Map<number | string, string[]>} Outcomes by number for tests here, by `file: name` for those elsewhere */

/** @param {Results} results @returns {Outcomes} */
function outcomesOf(results) {
  /** @type {Outcomes} */ const seen = new Map();
  const note = (/** @type {number | string} */ key, /** @type {string} */ status) =>
    seen.set(key, [...(seen.get(key) ?? []), status]);
  for (const { testFilePath, testResults } of results.testResults) {
    const file = /\/test\/(.+)\.test\.ts$/.exec(testFilePath)?.[1] ?? '';
    for (const { title, status } of testResults) {
      if (file.startsWith('faults/')) for (const number of faultsOf(title)) note(number, status);
      note(`${file}: ${title}`, status);
    }
  }
  return seen;
}

/** @param {import('./catalogue.mjs').Fault} fault @param {Outcomes} seen */
function stateOf({ number, elsewhere = [] }, seen) {
  const statuses = [...(seen.get(number) ?? [])];
  for (const name of elsewhere) {
    // What stands after the first placeholder is different in every test of a table.
    const begin = /** @type {string} */ (name.split(/%[sdijp]/)[0]);
    for (const [key, found] of seen) {
      if (typeof key === 'string' && key.startsWith(begin)) statuses.push(...found);
    }
  }
  if (statuses.includes('failed')) return 'FAILED';
  if (statuses.includes('passed'))
    return statuses.includes('pending') ? 'passed in part' : 'passed';
  if (statuses.includes('pending')) return 'SKIPPED';
  return 'not in this run';
}
