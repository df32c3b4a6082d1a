import { encodeChildMessage, writeStep } from './child-message.js';
import type { JournalWriter } from './journal.js';
import type { Report } from './protocol.js';

const maxSteps = 16;
const maxBytes = 32 * 1024;
const maxWaitMs = 2;

/**
 * The child's pen. Steps gather until the event loop turns, 16 of them are there, the oldest has
 * waited 2 ms, or nothing comes that could leave with them; then they leave in one write. Until then the
 * journal holds them; without one, each step is sent at once.
 */
export class Reporter {
  readonly #gathered = Buffer.allocUnsafeSlow(maxBytes);
  /** So many bytes of it are filled, and so many of these in the journal. */
  #filled = 0;
  #inJournal = 0;
  #steps = 0;
  #seq = 0;
  #oldestMs = 0;
  #flushing: NodeJS.Immediate | undefined;

  constructor(
    private readonly token: Buffer,
    /**
     * Sends the bytes up to `end`. Must have written everything when it returns: the next line may end the process.
     * Before it waits for the parent it calls `onWait`.
     */
    private readonly send: (bytes: Buffer, end: number, onWait: () => void) => void,
    private readonly journal: JournalWriter | null,
  ) {}

  report(step: Omit<Report, 'kind' | 'seq' | 'clockMs'>, clockMs = performance.now()): void {
    this.#gather(step, clockMs);
    const isDue = this.#steps >= maxSteps || clockMs - this.#oldestMs >= maxWaitMs;
    if (isDue || !this.#keep()) this.flush();
    else this.#flushing ??= setImmediate(() => this.flush());
  }

  /** A step that none follows. It is sent at once: nobody's code could run before it is. */
  reportLast(step: Omit<Report, 'kind' | 'seq' | 'clockMs'>, clockMs = performance.now()): void {
    this.#gather(step, clockMs);
    this.flush();
  }

  flush(): void {
    if (this.#flushing) {
      clearImmediate(this.#flushing);
      this.#flushing = undefined;
    }
    if (this.#filled === 0) return;
    this.send(this.#gathered, this.#filled, this.#keep);
    this.#filled = 0;
    this.#inJournal = 0;
    this.#steps = 0;
    this.journal?.rewind();
  }

  #gather(
    { ended, begun, note, leaving }: Omit<Report, 'kind' | 'seq' | 'clockMs'>,
    clockMs: number,
  ) {
    this.#seq += 1;
    const step: Report = { kind: 'report', seq: this.#seq, clockMs, ended, begun, note, leaving };
    const { token } = this;
    let end = writeStep(this.#gathered, this.#filled, step, token);
    if (end === null) {
      const bytes = encodeChildMessage(step, token);
      if (this.#filled + bytes.length > maxBytes) this.flush();
      if (bytes.length > maxBytes) {
        this.send(bytes, bytes.length, () => undefined);
        return;
      }
      end = this.#filled + bytes.copy(this.#gathered, this.#filled);
    }
    if (this.#steps === 0) this.#oldestMs = clockMs;
    this.#filled = end;
    this.#steps += 1;
  }

  /** Puts into the journal what is not in it yet. Whether it is in it now. */
  readonly #keep = (): boolean => {
    if (this.#inJournal === this.#filled) return true;
    if (!this.journal?.write(this.#gathered, this.#inJournal, this.#filled)) return false;
    this.#inJournal = this.#filled;
    return true;
  };
}
