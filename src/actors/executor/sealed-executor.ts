import type { Cipher } from '../../redis/cipher.js';
import { UndecodablePayloadError } from '../../redis/payload/errors.js';
import type { JobToRun } from '../job-to-run.js';
import type { Outcome, SerializedError } from '../outcome.js';
import type { Ended, Executor, ExecutorEvents, ExecutorExit, StopReason } from './executor.js';

/**
 * An executor for encrypted jobs, around another one: jobs go in plain over its private channel and come out
 * encrypted. So keys stay in this process, and no handler in a child can take them.
 */
export class SealedExecutor implements Executor {
  readonly #inner: Executor;
  /** The job as it was given, for the one that was handed on. */
  readonly #given = new WeakMap<JobToRun, JobToRun>();
  #refused = 0;

  constructor(
    private readonly cipher: Cipher,
    make: (events: ExecutorEvents) => Executor,
    private readonly events: ExecutorEvents,
  ) {
    this.#inner = make({
      onBegun: (begun) =>
        events.onBegun?.(begun.map((one) => ({ ...one, job: this.#givenOf(one.job) }))),
      onEnded: (ended) => events.onEnded(ended.map((one) => this.#sealed(one))),
      onNote: (job, note) =>
        events.onNote?.(this.#givenOf(job), {
          ...note,
          ...(note.meta && { meta: cipher.seal(note.meta, job.jobId, 'meta') }),
        }),
      onOutput: (job, stream, text) => events.onOutput?.(job && this.#givenOf(job), stream, text),
      onLeaving: (reason) => events.onLeaving?.(reason),
      onExit: (exit) => events.onExit?.(exit),
    });
  }

  get concurrency(): number {
    return this.#inner.concurrency;
  }

  get held(): number {
    return this.#inner.held + this.#refused;
  }

  get jobsDone(): number {
    return this.#inner.jobsDone;
  }

  start(): Promise<readonly string[]> {
    return this.#inner.start();
  }

  run(jobs: readonly JobToRun[]): void {
    const opened: JobToRun[] = [];
    const refused: Ended[] = [];
    for (const job of jobs) {
      try {
        opened.push(this.#opened(job));
      } catch (error) {
        if (!(error instanceof UndecodablePayloadError)) throw error;
        const outcome: Outcome = { kind: 'undecodable', cause: error.message };
        refused.push({ job, outcome, beganAtMs: performance.now(), tookMs: 0 });
      }
    }
    if (opened.length > 0) this.#inner.run(opened);
    if (refused.length === 0) return;
    this.#refused += refused.length;
    // Events never come from within a call of their owner's.
    setImmediate(() => {
      this.#refused -= refused.length;
      this.events.onEnded(refused);
    });
  }

  cancel(execution: string, reason: StopReason): void {
    this.#inner.cancel(execution, reason);
  }

  takeBack(reason: string): void {
    this.#inner.takeBack(reason);
  }

  stop(options: { graceMs: number }): Promise<ExecutorExit> {
    return this.#inner.stop(options);
  }

  kill(): void {
    this.#inner.kill();
  }

  rssBytes(): number | null {
    return this.#inner.rssBytes();
  }

  #givenOf(job: JobToRun): JobToRun {
    return this.#given.get(job) ?? job;
  }

  #opened(job: JobToRun): JobToRun {
    const { cipher } = this;
    const { jobId, callback } = job;
    const opened: JobToRun = {
      ...job,
      data: this.#openedField(job, job.data, 'data'),
      meta: job.meta && job.meta.length > 0 ? this.#openedField(job, job.meta, 'meta') : job.meta,
    };
    if (callback) {
      const { result, error } = callback;
      opened.callback = {
        ...callback,
        result: result && cipher.open(result, jobId, 'result'),
        error: error && this.#openedError(error, jobId),
      };
    }
    this.#given.set(opened, job);
    return opened;
  }

  // What cannot be opened is why the job failed, and its callback is called all the same, without it.
  #openedField({ jobId, callback }: JobToRun, sealed: Buffer, field: 'data' | 'meta'): Buffer {
    try {
      return this.cipher.open(sealed, jobId, field);
    } catch (error) {
      if (callback && error instanceof UndecodablePayloadError) return Buffer.alloc(0);
      throw error;
    }
  }

  #sealed({ job, outcome, ...rest }: Ended): Ended {
    return { ...rest, job: this.#givenOf(job), outcome: this.#sealedOutcome(job.jobId, outcome) };
  }

  #sealedOutcome(jobId: string, outcome: Outcome): Outcome {
    switch (outcome.kind) {
      case 'returned':
        return {
          ...outcome,
          result: outcome.result && this.cipher.seal(outcome.result, jobId, 'result'),
        };
      case 'threw': {
        const { name, stack } = outcome.error;
        const error = { name, message: encrypted, stack: this.cipher.sealText(stack, jobId) };
        return { ...outcome, error };
      }
      case 'died':
        // Its last lines on stderr may quote anything; the worker's own output has them.
        return { ...outcome, detail: encrypted };
      default:
        return outcome;
    }
  }

  #openedError(error: SerializedError, jobId: string): SerializedError {
    const stack = this.cipher.openText(error.stack, jobId);
    if (stack === error.stack) return error;
    const [head = ''] = stack.split(/\n {4}at /, 1);
    const opening = `${error.name}: `;
    return {
      ...error,
      message: head.startsWith(opening) ? head.slice(opening.length) : head,
      stack,
    };
  }
}

const encrypted = 'its text is encrypted';
