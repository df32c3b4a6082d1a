// @ts-check
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { mutants } from '../test/mutants/catalogue.mjs';
import { install } from './install.mjs';
import { jest } from './jest.mjs';
import { endLeftovers, endProcessesOf, mark } from './leftovers.mjs';
import { providePrivateRedis } from './provide-redis.mjs';
import { command, Refusal, root, run, say, whenDone } from './running.mjs';

// Removes one rule after the other from a copy of this tree, and looks whether the tests notice.
// `npm run mutants -- --only NAME` tries those whose names begin so.

/** @typedef {import('../test/mutants/catalogue.mjs').Mutant} Mutant */
/** @typedef {{ name: string, testResults: { name: string, message: string, assertionResults: { fullName: string, status: string }[] }[] }} JestReport */

const notCopied = new Set(['.git', '.cache', 'dist', 'node_modules']);

await command(async () => {
  const chosen = choose();
  await install(root);
  whenDone(() => endLeftovers({ patienceMs: 1_000 }));
  const redisUrl = await providePrivateRedis();
  const tree = copyTree();

  await build(tree);
  say('the tests, nothing mutated');
  const whole = await test(tree, redisUrl, chosen);
  for (const mutant of chosen) requireGreen(mutant, whole);

  const rows = [];
  for (const mutant of chosen) {
    const startedAt = performance.now();
    say(`${mutant.name}: ${mutant.why}`);
    const survived = await survivesIn(tree, mutant, redisUrl);
    rows.push({ mutant, survived, tookMs: performance.now() - startedAt });
  }
  report(rows);
  return rows.some(({ survived }) => survived.length > 0) ? 1 : 0;
});

/** @returns {readonly Mutant[]} */
function choose() {
  const { values } = parseArgs({ options: { only: { type: 'string' } } });
  if (values.only === undefined) return mutants;
  const chosen = mutants.filter(({ name }) => name.startsWith(values.only ?? ''));
  if (chosen.length > 0) return chosen;
  const names = mutants.map(({ name }) => name).join(', ');
  throw new Refusal(`There is no mutant ${values.only}; there are ${names}.`);
}

/** The sources as they are, in a directory of their own with our node_modules. */
function copyTree() {
  const tree = realpathSync(mkdtempSync(join(tmpdir(), 'rxrq-mutants-')));
  whenDone(() => {
    endProcessesOf(tree);
    rmSync(tree, { recursive: true, force: true });
  });
  cpSync(root, tree, {
    recursive: true,
    filter: (source) => !notCopied.has(relative(root, source)),
  });
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  return tree;
}

/**
 * The test files that stay green without the rule; none when every one of them has noticed.
 *
 * @param {string} tree @param {Mutant} mutant @param {string} redisUrl
 */
async function survivesIn(tree, mutant, redisUrl) {
  const path = join(tree, 'src', mutant.file);
  const source = readFileSync(path, 'utf8');
  if (source.split(mutant.from).length !== 2) {
    throw new Refusal(
      `${mutant.name}: its rule is not exactly once in src/${mutant.file}:\n${mutant.from}`,
    );
  }
  writeFileSync(
    path,
    source.replace(mutant.from, () => mutant.to),
  );
  try {
    await build(tree);
    const tests = await test(tree, redisUrl, [mutant]);
    return Object.keys(mutant.red).filter((file) => {
      const own = testsOf(mutant, file, tests);
      // A file that did not run at all has not noticed anything: the mutant is broken, not found.
      if (own.length === 0)
        throw new Refusal(`${mutant.name}: no test of ${file} ran.\n${tests.output}`);
      return !own.some(({ status }) => status === 'failed');
    });
  } finally {
    writeFileSync(path, source);
    endProcessesOf(tree);
  }
}

async function build(/** @type {string} */ tree) {
  const { code, output } = await run(process.execPath, ['scripts/build.mjs'], {
    cwd: tree,
    output: 'collect',
  });
  if (code !== 0) throw new Refusal(`It does not compile:\n${output}`);
}

/**
 * Runs the tests that the mutants name, and no others.
 *
 * @param {string} tree @param {string} redisUrl @param {readonly Mutant[]} chosen
 */
async function test(tree, redisUrl, chosen) {
  const files = [...new Set(chosen.flatMap(({ red }) => Object.keys(red)))];
  const names = [...new Set(chosen.flatMap(({ red }) => Object.values(red)))];
  const reportFile = join(tree, '.cache/jest.json');
  rmSync(reportFile, { force: true });
  const args = jest(tree, [
    ...[
      '--maxWorkers=2',
      '--reporters=default',
      '--forceExit',
      '--json',
      `--outputFile=${reportFile}`,
    ],
    ...['-t', names.map(pattern).join('|')],
    ...['--runTestsByPath', ...files.map((file) => `test/${file}.test.ts`)],
  ]);
  const env = { ...mark, REDIS_URL: redisUrl, NODE_OPTIONS: undefined };
  const { output } = await run(process.execPath, args, { cwd: tree, env, output: 'collect' });
  if (!existsSync(reportFile)) throw new Refusal(`jest told nothing:\n${output}`);
  /** @type {JestReport} */ const { testResults } = JSON.parse(readFileSync(reportFile, 'utf8'));
  return { testResults, output, tree };
}

/** What jest's `-t` reads: text, where `%s` of a table stands for anything. */
function pattern(/** @type {string} */ name) {
  return name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('%s', '.*');
}

/** @param {Mutant} mutant @param {string} file @param {Awaited<ReturnType<typeof test>>} tests */
function testsOf(mutant, file, { testResults, tree }) {
  const own = testResults.find(({ name }) => name === join(tree, 'test', `${file}.test.ts`));
  const meant = new RegExp(pattern(mutant.red[file] ?? ''), 'i');
  return (own?.assertionResults ?? []).filter(
    ({ fullName, status }) => (status === 'passed' || status === 'failed') && meant.test(fullName),
  );
}

/** @param {Mutant} mutant @param {Awaited<ReturnType<typeof test>>} tests */
function requireGreen(mutant, tests) {
  for (const file of Object.keys(mutant.red)) {
    const own = testsOf(mutant, file, tests);
    if (own.length > 0 && own.every(({ status }) => status === 'passed')) continue;
    throw new Refusal(
      `Without any mutant the tests of ${mutant.name} in ${file} are not green:\n${tests.output}`,
    );
  }
}

/** @param {readonly { mutant: Mutant, survived: string[], tookMs: number }[]} rows */
function report(rows) {
  const width = Math.max(...rows.map(({ mutant }) => mutant.name.length));
  for (const { mutant, survived, tookMs } of rows) {
    const fate = survived.length === 0 ? 'noticed ' : 'SURVIVED';
    const where = (survived.length > 0 ? survived : Object.keys(mutant.red)).join(', ');
    say(
      `${mutant.name.padEnd(width)}  ${fate}  ${(tookMs / 1_000).toFixed(1).padStart(5)} s  ${where}`,
    );
  }
}
