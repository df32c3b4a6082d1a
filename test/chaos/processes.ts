import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** What /proc says of a process; nothing once it is gone. */
export const readProc = (pid: number | string, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
};

/** Children of a process. */
export const childrenOf = (pid: number): number[] =>
  readProc(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number);

/** Does nothing when there is none, or it is gone. */
export const signal = (pid: number | undefined, name: NodeJS.Signals): void => {
  if (pid === undefined) return;
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

/** Processes that have this text in their environment. */
export const processesWith = (text: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => readProc(pid, 'environ').includes(text))
    .map(Number);

/** Memory in MiB and open files of a process that runs `fixtures/collect.mjs`, once it has cleared up. */
export const sizeOf = async (pid: number): Promise<{ residentMiB: number; files: number }> => {
  signal(pid, 'SIGUSR2');
  // It cannot say that it has: its output is the story of its jobs.
  await delay(1_000);
  const kB = Number(/VmRSS:\s+(\d+)/.exec(readProc(pid, 'status'))?.[1] ?? 0);
  let files = 0;
  try {
    files = readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    // It is gone: then it holds none.
  }
  return { residentMiB: kB / 1_024, files };
};
