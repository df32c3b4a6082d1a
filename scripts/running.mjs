// @ts-check
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { endWithUs } from './guard.mjs';

/** The checkout, whatever directory the command was called from. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** Ends a command with one clear sentence instead of a stack. */
export class Refusal extends Error {}

const interruption = new AbortController();
/** @type {(() => unknown)[]} */
const atEnd = [];

/** Runs when the command ends, in whichever way; last registered, first run. */
export function whenDone(/** @type {() => unknown} */ undo) {
  atEnd.push(undo);
}

/**
 * Runs a whole command: its exit code is what `work` returns, 1 when it throws, 128 + signal when it
 * was interrupted. Whatever was started is gone before the process ends.
 *
 * @param {() => Promise<number | void>} work
 */
export async function command(work) {
  /** @type {number | undefined} */ let interrupted;
  const interrupt = (/** @type {number} */ code, /** @type {string} */ reason) => {
    interrupted ??= code;
    interruption.abort(new Refusal(reason));
  };
  for (const signal of /** @type {const} */ (['SIGHUP', 'SIGINT', 'SIGTERM'])) {
    process.on(signal, () =>
      interrupt(128 + constants.signals[signal], `interrupted by ${signal}`),
    );
  }
  const watch = watchNpm(() => interrupt(1, 'interrupted, npm is gone'));
  /** @type {number | void} */ let code = 1;
  try {
    code = await work();
  } catch (error) {
    report(error);
  }
  for (const undo of atEnd.reverse()) {
    try {
      await undo();
    } catch (error) {
      report(error);
      code = 1;
    }
  }
  clearInterval(watch);
  // Not by running dry: a forgotten socket must not hold up whoever waits for us.
  process.exit(interrupted ?? code ?? 0);
}

/** A killed npm forwards nothing: we notice that we were given to another parent. */
function watchNpm(/** @type {() => void} */ gone) {
  if (!process.env.npm_lifecycle_event) return undefined;
  const npm = process.ppid;
  return setInterval(() => {
    if (process.ppid !== npm) gone();
  }, 250);
}

function report(/** @type {unknown} */ error) {
  say(error instanceof Refusal ? error.message : error instanceof Error ? error.stack : error);
}

/** Our own lines, told apart from those of the tools. */
export function say(/** @type {unknown} */ text) {
  process.stderr.write(`\x1b[1m▸ ${text}\x1b[0m\n`);
}

/**
 * @typedef {object} RunOptions
 * @property {Record<string, string | undefined>} [env] added to ours
 * @property {string} [cwd]
 * @property {'show' | 'collect' | 'drop'} [output] shown by default
 */

/**
 * Runs a program to its end. It gets its own process group, which is ended when we are interrupted
 * (asked first, killed after 5 s) and killed when we are killed.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ code: number, output: string }>} code 127 when there is no such program
 */
export async function run(program, args, { env = {}, cwd = root, output = 'show' } = {}) {
  interruption.signal.throwIfAborted();
  const pipe = output === 'collect' ? 'pipe' : output === 'drop' ? 'ignore' : 'inherit';
  // The program begins once it is guarded: were we killed between the two, it would go on for ever.
  const child = spawn(
    '/bin/sh',
    ['-c', 'read -r _ <&3 && exec "$@" 3<&-', 'run', program, ...args],
    {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', pipe, pipe, 'pipe'],
      detached: true,
    },
  );
  let collected = '';
  child.stdout?.on('data', (chunk) => (collected += chunk));
  child.stderr?.on('data', (chunk) => (collected += chunk));
  await once(child, 'spawn');
  const group = -(/** @type {number} */ (child.pid));
  const release = endWithUs(group);
  const gate = /** @type {import('node:net').Socket} */ (child.stdio[3]);
  gate.on('error', () => {
    // Somebody killed it before it began: its exit code says so.
  });
  gate.end('\n');
  /** @type {NodeJS.Timeout | undefined} */ let patience;
  const end = () => {
    signalGroup(group, 'SIGTERM');
    patience = setTimeout(() => signalGroup(group, 'SIGKILL'), 5_000);
  };
  interruption.signal.addEventListener('abort', end);
  const [code, signal] = await once(child, 'close');
  interruption.signal.removeEventListener('abort', end);
  clearTimeout(patience);
  release();
  interruption.signal.throwIfAborted();
  return { code: signal === null ? code : 1, output: collected };
}

/** @param {number} group */
function signalGroup(group, /** @type {NodeJS.Signals} */ signal) {
  try {
    process.kill(group, signal);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}
