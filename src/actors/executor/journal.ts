import { randomUUID } from 'node:crypto';
import { closeSync, fchmodSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/**
 * Short jobs are reported a dozen or more at a time, and a child that is killed, aborts or hangs in
 * between would take what it has not sent to the grave: which job it was in, and the outcomes of
 * those before. So each step that is not sent at once is written to a file without a name that both sides hold open.
 * That costs a tenth of waking the parent, and memory that was written to a file survives SIGKILL.
 */
export const journalBytes = 64 * 1024;

// Before what is written at once: u32 its length | u32 its CRC, both little-endian. The parent may read what is just being
// written over, and a new head with an old tail would pass for a step: it gave a job the result of another.
const headLength = 8;

/** The child's end: what was reported and not sent yet, always from the start of the file. */
export class JournalWriter {
  #at = 0;
  readonly #record = Buffer.allocUnsafeSlow(journalBytes);

  constructor(private readonly fd: number) {}

  /** False when it does not fit or the disk refuses: then the bytes must be sent at once. */
  write(bytes: Buffer, start: number, end: number): boolean {
    const length = headLength + end - start;
    if (this.#at + length > journalBytes) return false;
    const record = this.#record;
    bytes.copy(record, headLength, start, end);
    record.writeUInt32LE(end - start, 0);
    record.writeUInt32LE(crc32(record.subarray(headLength, length)), 4);
    try {
      // `undefined` for 0: Node checks a number at some length.
      if (writeSync(this.fd, record, undefined, length, this.#at) !== length) return false;
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

  /** What the file holds: some new steps, then remains of older ones, up to the first that is torn. */
  read(): Buffer {
    const bytes = Buffer.allocUnsafe(journalBytes);
    const filled = readSync(this.readFd, bytes, 0, journalBytes, 0);
    const whole: Buffer[] = [];
    for (let at = 0; at + headLength < filled; ) {
      const start = at + headLength;
      const end = start + bytes.readUInt32LE(at);
      if (end > filled) break;
      const record = bytes.subarray(start, end);
      if (crc32(record) !== bytes.readUInt32LE(at + 4)) break;
      whole.push(record);
      at = end;
    }
    return Buffer.concat(whole);
  }

  close(): void {
    closeSync(this.readFd);
  }
}
