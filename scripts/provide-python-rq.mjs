// @ts-check
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, canAptInstall } from './debian.mjs';
import { Refusal, root, run, say } from './running.mjs';

/** Each Python RQ that we promise to work with, and a redis-py of its own time. */
const releases = [
  { variable: 'RXRQ_PYTHON_2_12', rq: '2.12.0', redisPy: '7.4.1' },
  { variable: 'RXRQ_PYTHON_1_16', rq: '1.16.2', redisPy: '5.3.1' },
  // What Debian 12 has as python3-rq and python3-redis.
  { variable: 'RXRQ_PYTHON_1_13', rq: '1.13.0', redisPy: '4.3.4' },
];

/**
 * Makes the virtual environments of the interop tests, or finds those of an earlier run.
 *
 * @returns {Promise<Record<string, string>>} what the tests find in their environment: the path of each
 *   Python, or RXRQ_PYTHON_RQ=missing when they cannot be made
 * @throws {Refusal} when they cannot be made and CI=true
 */
export async function providePythonRq() {
  try {
    /** @type {Record<string, string>} */ const env = {};
    const missing = [];
    for (const release of releases) {
      env[release.variable] = pythonOf(release);
      if (!(await isValid(release))) missing.push(release);
    }
    if (missing.length > 0) await provideVenvModule();
    // All of them to their end: a failing one must not leave the pip of another behind.
    for (const made of await Promise.allSettled(missing.map(makeEnvironment))) {
      if (made.status === 'rejected') throw made.reason;
    }
    return env;
  } catch (error) {
    if (!(error instanceof Refusal) || process.env.CI === 'true') throw error;
    say(`PYTHON RQ IS MISSING, ITS INTEROP TESTS WILL BE SKIPPED. ${error.message}`);
    return { RXRQ_PYTHON_RQ: 'missing' };
  }
}

/** @typedef {typeof releases[number]} Release */

const directoryOf = (/** @type {Release} */ { rq }) => join(root, '.cache/python', `rq-${rq}`);
const pythonOf = (/** @type {Release} */ release) => join(directoryOf(release), 'bin/python');

/** Asks the interpreter itself: a half-made environment, or one whose Python was upgraded away, says no. */
async function isValid(/** @type {Release} */ release) {
  const script = 'import redis, rq; print(rq.VERSION, redis.__version__)';
  const { code, output } = await run(pythonOf(release), ['-c', script], { output: 'collect' });
  return code === 0 && output.trim() === `${release.rq} ${release.redisPy}`;
}

async function provideVenvModule() {
  if (await hasVenvModule()) return;
  if (!canAptInstall()) {
    throw new Refusal('Install Python 3.10 or newer with its venv module (Debian: python3-venv).');
  }
  await aptInstall(['python3', 'python3-venv']);
  if (!(await hasVenvModule())) throw new Refusal('apt-get brought no Python with a venv module.');
}

async function hasVenvModule() {
  // Debian's python3 has `venv` but not the `ensurepip` that it needs.
  const { code } = await run('python3', ['-c', 'import ensurepip, venv'], { output: 'drop' });
  return code === 0;
}

async function makeEnvironment(/** @type {Release} */ release) {
  say(`making a Python environment with rq ${release.rq}`);
  const directory = directoryOf(release);
  rmSync(directory, { recursive: true, force: true });
  await must('python3', ['-m', 'venv', directory]);
  const packages = [`rq==${release.rq}`, `redis==${release.redisPy}`];
  await must(pythonOf(release), ['-m', 'pip', 'install', '-q', '--retries', '2', ...packages]);
  if (!(await isValid(release))) throw new Refusal(`${directory} has no working rq ${release.rq}.`);
}

/** @param {string} program @param {string[]} args */
async function must(program, args) {
  const { code, output } = await run(program, args, { output: 'collect' });
  if (code !== 0)
    throw new Refusal(`${[program, ...args].join(' ')} ended with ${code}:\n${output}`);
}
