import { toUSVString } from 'node:util';
import type { LogLevel } from '../../tasks.js';
import { InvalidProgressError } from './errors.js';
import type { Note } from './executor.js';

/** How much a job may say, so that a chatty one cannot flood the worker or the network. */
export interface NoteLimits {
  /** Between two notes of one job, in milliseconds. Progress in between is thinned, newest wins. */
  readonly everyMs: number;
  /** Log lines a second; the same number may come at once. */
  readonly linesPerSecond: number;
  /** Characters of one line; the rest is cut with a marker. */
  readonly lineLength: number;
  /** Characters of one progress value as JSON. */
  readonly progressLength: number;
}

export const defaultNoteLimits: NoteLimits = {
  everyMs: 50,
  linesPerSecond: 500,
  lineLength: 4096,
  progressLength: 4096,
};

/**
 * Gathers what one running job says and passes it on at most every `everyMs`. It looks at the clock
 * itself, besides setting a timer, because a handler in a busy loop never lets a timer fire.
 */
export class JobNotes {
  #progress: string | undefined;
  #lines: [LogLevel, string][] = [];
  #dropped = 0;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #budget: number;
  #budgetAtMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly jobId: string,
    private readonly send: (note: Note) => void,
    private readonly limits: NoteLimits = defaultNoteLimits,
  ) {
    this.#budget = limits.linesPerSecond;
    this.#budgetAtMs = performance.now();
  }

  progress(value: unknown): void {
    this.#progress = this.#progressText(value);
    this.#soon();
  }

  log(line: string, level: LogLevel): void {
    if (!this.#mayLog()) {
      this.#dropped += 1;
    } else {
      const { lineLength } = this.limits;
      const text = String(line);
      const isLong = text.length > lineLength;
      this.#lines.push([level, toUSVString(isLong ? `${text.slice(0, lineLength)}…` : text)]);
    }
    this.#soon();
  }

  /** Sends what is left. To be called before the job's outcome is, or it would come too late. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#progress === undefined && this.#lines.length === 0 && this.#dropped === 0) return;
    const note = {
      ...(this.#progress !== undefined && { progress: this.#progress }),
      ...(this.#lines.length > 0 && { log: this.#lines }),
      ...(this.#dropped > 0 && { dropped: this.#dropped }),
    };
    this.#progress = undefined;
    this.#lines = [];
    this.#dropped = 0;
    this.#sentAtMs = performance.now();
    this.send(note);
  }

  #soon(): void {
    const waitMs = this.#sentAtMs + this.limits.everyMs - performance.now();
    if (waitMs <= 0) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), waitMs).unref();
  }

  #mayLog(): boolean {
    const { linesPerSecond } = this.limits;
    if (this.#budget < 1) {
      const nowMs = performance.now();
      const earned = ((nowMs - this.#budgetAtMs) / 1000) * linesPerSecond;
      this.#budget = Math.min(linesPerSecond, this.#budget + earned);
      this.#budgetAtMs = nowMs;
    }
    if (this.#budget < 1) return false;
    this.#budget -= 1;
    return true;
  }

  #progressText(value: unknown): string {
    let text: string | undefined;
    try {
      text = JSON.stringify(value);
    } catch (cause) {
      throw new InvalidProgressError(this.jobId, 'cannot be written as JSON', { cause });
    }
    if (text === undefined) throw new InvalidProgressError(this.jobId, `is ${typeof value}`);
    if (text.length > this.limits.progressLength) {
      const { progressLength } = this.limits;
      throw new InvalidProgressError(this.jobId, `is longer than ${progressLength} characters`);
    }
    return text;
  }
}
