import { readFileSync } from 'node:fs';

/**
 * Resident memory of a process in bytes, or `null` where /proc does not tell (no Linux, or the
 * process is gone). Read from `status`, whose unit is kB whatever the size of a page is.
 */
export const residentBytes = (pid: number): number | null => {
  try {
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
    return found ? Number(found[1]) * 1024 : null;
  } catch {
    // Not being able to look is an answer here, not a fault.
    return null;
  }
};
