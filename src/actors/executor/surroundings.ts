import type { LogLevel } from '../../tasks.js';
import type { JobToRun } from '../job-to-run.js';
import { JobAbortedError } from './errors.js';
import type { Note } from './executor.js';
import { JobNotes } from './job-notes.js';
import type { PerformHooks } from './perform.js';

/**
 * What surrounds one running job, in a child and inline alike: its signal, its deadline and its
 * voice. Most of it is made when the handler asks. Deaf and dumb once the job has ended: a timer
 * that a handler left behind must not speak for a job that has had its outcome.
 */
export class Surroundings implements PerformHooks {
  #controller: AbortController | undefined;
  #notes: JobNotes | undefined;
  #isOver = false;

  constructor(
    readonly job: JobToRun,
    private readonly tell: (note: Note) => void,
    readonly beganAtMs = performance.now(),
  ) {}

  get deadlineMs(): number | undefined {
    return this.job.timeoutMs === null ? undefined : this.beganAtMs + this.job.timeoutMs;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  abort(reason: string): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(new JobAbortedError(this.job.jobId, reason));
  }

  progress(value: unknown): void {
    this.#theNotes()?.progress(value);
  }

  log(line: string, level: LogLevel): void {
    this.#theNotes()?.log(line, level);
  }

  saveMeta(meta: Buffer): void {
    if (!this.#isOver) this.tell({ meta });
  }

  /** Says what is still to be said. */
  flush(): void {
    this.#notes?.flush();
  }

  end(): void {
    this.flush();
    this.#isOver = true;
  }

  #theNotes(): JobNotes | undefined {
    if (this.#isOver) return undefined;
    this.#notes ??= new JobNotes(this.job.jobId, this.tell);
    return this.#notes;
  }
}
