import type { Readable } from 'node:stream';

const tailLines = 20;
const tailChars = 8192;

/**
 * Reads what a child prints, always, because unread output piles up in the child's heap. Passes on
 * up to `maxBytesPerJob` for each job, then one marker, and keeps the last lines of stderr for the
 * case that the child dies.
 */
export class ChildOutput<Job> {
  #tail = '';
  #job: Job | null = null;
  #left: number;

  constructor(
    private readonly maxBytesPerJob: number,
    private readonly jobNow: () => Job | null,
    private readonly onOutput: (job: Job | null, stream: 'stdout' | 'stderr', text: string) => void,
  ) {
    this.#left = maxBytesPerJob;
  }

  read(readable: Readable, stream: 'stdout' | 'stderr'): void {
    readable.setEncoding('utf8');
    readable.on('data', (text: string) => this.#take(stream, text));
    // A pipe that breaks is the end of the child, which is told by its exit.
    readable.on('error', () => undefined);
  }

  /** The last 20 lines of stderr, without control characters but for line ends and tabs. */
  get tail(): string {
    const lines = this.#tail
      .replace(/[^\P{Cc}\n\t]/gu, '')
      .trimEnd()
      .split('\n');
    return lines.slice(-tailLines).join('\n');
  }

  #take(stream: 'stdout' | 'stderr', text: string): void {
    if (stream === 'stderr') this.#tail = (this.#tail + text).slice(-tailChars);
    const job = this.jobNow();
    if (job !== this.#job) {
      this.#job = job;
      this.#left = this.maxBytesPerJob;
    }
    if (this.#left <= 0) return;
    const isLast = text.length >= this.#left;
    const kept = isLast ? text.slice(0, this.#left) : text;
    this.#left -= kept.length;
    this.onOutput(job, stream, kept);
    if (isLast) {
      this.onOutput(job, stream, `\n… output over ${this.maxBytesPerJob} characters is dropped\n`);
    }
  }
}
