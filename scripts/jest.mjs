// @ts-check
import { join } from 'node:path';

/**
 * How Node is to be called to run the jest of a tree.
 *
 * @param {string} tree @param {readonly string[]} jestArguments
 */
export const jest = (tree, jestArguments) => [
  // Flags, not NODE_OPTIONS: that would reach every Node that the tests start.
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  '--disable-warning=NotDurableError',
  join(tree, 'node_modules/jest/bin/jest.js'),
  ...jestArguments,
];
