import { randomUUID } from 'node:crypto';
import { closeSync, fchmodSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Short jobs are reported a dozen or more at a time, and a child that is killed, aborts or hangs in
 * between would take what it has not sent to the grave: which job it was in, and the outcomes of
 * those before. So each step that is not sent at once is written to a file without a name that both sides hold open.
 * That costs a tenth of waking the parent, and memory that was written to a file survives SIGKILL.
 */
export const journalBytes = 64 * 1024;

/** The child's end: what was reported and not sent yet, always from the start of the file. */
export class JournalWriter {
  #at = 0;

  constructor(private readonly fd: number) {}

  /** False when it does not fit or the disk refuses: then the bytes must be sent at once. */
  write(bytes: Buffer, start: number, end: number): boolean {
    const length = end - start;
    if (this.#at + length > journalBytes) return false;
    try {
      // `undefined` for 0: Node checks a number at some length.
      const offset = start === 0 ? undefined : start;
      if (writeSync(this.fd, bytes, offset, length, this.#at) !== length) return false;
    } catch {
      // A full disk, or a handler that closed the descriptor. Sending at once needs no journal.
      return false;
    }
    this.#at += length;
    return true;
  }

  /** All is sent; the next step overwrites it. */
  rewind(): void {
    this.#at = 0;
  }
}

/** The parent's end. */
export class Journal {
  private constructor(
    /** For the child. Write-only, and without permissions, so that the child cannot read back. */
    readonly writeFd: number,
    private readonly readFd: number,
  ) {}

  /** `null` where no file can be made: then the child sends each step at once. */
  static open(): Journal | null {
    for (const directory of ['/dev/shm', tmpdir()]) {
      try {
        const path = join(directory, `rxrq-${process.pid}-${randomUUID()}`);
        const writeFd = openSync(path, 'wx', 0o600);
        const readFd = openSync(path, 'r');
        unlinkSync(path);
        fchmodSync(writeFd, 0);
        return new Journal(writeFd, readFd);
      } catch {
        // No shared memory on this system, or a read-only one: the next directory may do.
      }
    }
    return null;
  }

  /** Once the child has its copy. */
  closeWriteFd(): void {
    closeSync(this.writeFd);
  }

  /** What the file holds: some new steps, then remains of older ones, perhaps torn. */
  read(): Buffer {
    const bytes = Buffer.allocUnsafe(journalBytes);
    return bytes.subarray(0, readSync(this.readFd, bytes, 0, journalBytes, 0));
  }

  close(): void {
    closeSync(this.readFd);
  }
}
