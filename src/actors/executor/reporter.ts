import { encodeChildMessage } from './child-message.js';
import type { JournalWriter } from './journal.js';
import type { Report } from './protocol.js';

const maxSteps = 16;
const maxBytes = 32 * 1024;
const maxWaitMs = 2;

/**
 * The child's pen. Steps gather until the event loop turns, 16 of them are there, or the oldest has
 * waited 2 ms; then they leave in one write. Until then the journal holds them; without one, each
 * step is sent at once.
 */
export class Reporter {
  #seq = 0;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #oldestMs = 0;
  #flushing: NodeJS.Immediate | undefined;

  constructor(
    private readonly token: Buffer,
    /** Must have written everything when it returns: the next line may end the process. */
    private readonly send: (bytes: Buffer) => void,
    private readonly journal: JournalWriter | null,
  ) {}

  report(step: Omit<Report, 'kind' | 'seq' | 'clockMs'>): void {
    const clockMs = performance.now();
    this.#seq += 1;
    const message: Report = { kind: 'report', seq: this.#seq, clockMs, ...step };
    const bytes = encodeChildMessage(message, this.token);
    if (this.#pending.length === 0) this.#oldestMs = clockMs;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    const isDue =
      this.#pending.length >= maxSteps ||
      this.#pendingBytes >= maxBytes ||
      clockMs - this.#oldestMs >= maxWaitMs;
    if (isDue || !this.journal?.write(bytes)) this.flush();
    else this.#flushing ??= setImmediate(() => this.flush());
  }

  flush(): void {
    if (this.#flushing) {
      clearImmediate(this.#flushing);
      this.#flushing = undefined;
    }
    const [first] = this.#pending;
    if (!first) return;
    const bytes = this.#pending.length === 1 ? first : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.send(bytes);
    this.journal?.rewind();
  }
}
