import type { decodeCall } from '../../redis/payload/call.js';
import { decodeMeta, encodeValue } from '../../redis/payload/value.js';
import type { JobContext, LogLevel } from '../../tasks.js';
import type { JobToRun } from '../job-to-run.js';
import { MetaTooLargeError } from './errors.js';

/** The field `data`, decoded: the call, and the serializer in which the answer must be written. */
export type DecodedCall = ReturnType<typeof decodeCall>;

/** What the surroundings of a running job give it. All are called on the job's own thread. */
export interface PerformHooks {
  /** Read only when the handler asks for it, so it may be made only then. */
  readonly signal: AbortSignal;
  /** On this process's `performance.now()`; `undefined` without a limit. */
  readonly deadlineMs: number | undefined;
  progress(value: unknown): void;
  log(line: string, level: LogLevel): void;
  saveMeta(bytes: Buffer): void;
}

/** `currentJob()` of one job. What few handlers ask for (signal, meta) is made when asked. */
export class RunningJob implements JobContext {
  readonly id: string;
  readonly queue: string;
  readonly attempt: number;
  readonly execution: string;
  readonly functionName: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  declare readonly deadlineMs?: number;
  readonly #job: JobToRun;
  readonly #decoded: DecodedCall;
  readonly #hooks: PerformHooks;
  readonly #maxMetaBytes: number;
  #meta: Record<string, unknown> | undefined;

  constructor(job: JobToRun, decoded: DecodedCall, hooks: PerformHooks, maxMetaBytes: number) {
    this.id = job.jobId;
    this.queue = job.queue;
    this.attempt = job.attempt;
    this.execution = job.execution;
    this.functionName = decoded.call.functionName;
    this.args = decoded.call.args;
    this.kwargs = decoded.call.kwargs;
    if (hooks.deadlineMs !== undefined) this.deadlineMs = hooks.deadlineMs;
    this.#job = job;
    this.#decoded = decoded;
    this.#hooks = hooks;
    this.#maxMetaBytes = maxMetaBytes;
  }

  get fence(): number {
    return this.attempt;
  }

  get signal(): AbortSignal {
    return this.#hooks.signal;
  }

  get meta(): Record<string, unknown> {
    this.#meta ??= this.#job.meta === null ? {} : decodeMeta(this.#job.meta);
    return this.#meta;
  }

  progress(value: unknown): void {
    this.#hooks.progress(value);
  }

  log(line: string, level: LogLevel = 'info'): void {
    this.#hooks.log(line, level);
  }

  saveMeta(): void {
    const bytes = encodeValue(this.meta, this.#decoded.serializer);
    if (bytes.length > this.#maxMetaBytes) {
      throw new MetaTooLargeError(this.id, bytes.length, this.#maxMetaBytes);
    }
    this.#hooks.saveMeta(bytes);
  }
}
