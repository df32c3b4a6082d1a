import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const chunk = 1 << 20;

/** Whether these bytes are anywhere in what a process can write to: its heaps, stacks and data. Linux only. */
export const memoryHolds = (pid: number, wanted: Buffer): boolean => {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const overlap = wanted.length - 1;
  const window = Buffer.alloc(chunk + overlap);
  try {
    return rangesOf(pid).some(({ start, end }) => {
      for (let at = start; at < end; at += chunk) {
        const length = Math.min(window.length, end - at);
        if (window.subarray(0, readAt(memory, window, length, at)).includes(wanted)) return true;
      }
      return false;
    });
  } finally {
    closeSync(memory);
  }
};

const rangesOf = (pid: number): Array<{ start: number; end: number }> =>
  readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      return start && end
        ? [{ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16) }]
        : [];
    });

const readAt = (memory: number, into: Buffer, length: number, at: number): number => {
  try {
    return readSync(memory, into, 0, length, at);
  } catch (error) {
    // A page that the process gave back meanwhile, or that nobody may read.
    if ((error as NodeJS.ErrnoException).code === 'EIO') return 0;
    throw error;
  }
};
