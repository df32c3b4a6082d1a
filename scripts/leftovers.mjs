// @ts-check
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Every process of a run carries this in its environment, so that those left behind are found. */
export const mark = { RXRQ_RUN: `${process.pid}-${Date.now()}` };

/**
 * Waits up to `patienceMs` for the processes of this run to end, then kills those that have not.
 * Linux only; elsewhere it finds nothing.
 *
 * @returns {Promise<string[]>} the command lines of those that had to be killed
 */
export async function endLeftovers({ patienceMs = 5_000 } = {}) {
  const deadline = Date.now() + patienceMs;
  while (marked().length > 0 && Date.now() < deadline) await delay(50);
  return endAll(marked());
}

/**
 * Kills every process whose program lies below a directory, which must be a temporary one of ours: children that
 * hide from {@link endLeftovers}, because they got an environment of their own. Linux only.
 *
 * @param {string} directory
 * @returns {string[]} their command lines
 */
export function endProcessesOf(directory) {
  return endAll(processesWith((pid) => readProc(pid, 'cmdline').includes(`${directory}/`)));
}

function marked() {
  return processesWith((pid) => readProc(pid, 'environ').includes(`RXRQ_RUN=${mark.RXRQ_RUN}\0`));
}

function processesWith(/** @type {(pid: string) => boolean} */ isMeant) {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && isMeant(name))
    .map((pid) => ({
      pid: Number(pid),
      commandLine: readProc(pid, 'cmdline').replaceAll('\0', ' '),
    }));
}

/** @param {ReturnType<typeof processesWith>} processes */
function endAll(processes) {
  return processes.map(({ pid, commandLine }) => {
    kill(pid);
    return `${pid} ${commandLine}`;
  });
}

/** @param {string} pid @param {'environ' | 'cmdline'} file */
function readProc(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // Ended meanwhile, or somebody else's: in both cases none of this run.
    return '';
  }
}

/** @param {number} pid */
function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}
