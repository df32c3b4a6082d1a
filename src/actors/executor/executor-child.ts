import { isDoNotRetry, jobInScope } from '../../tasks.js';
import type { Outcome } from '../outcome.js';
import type { ExecutorRuntime } from './child-runtime.js';
import type { Note } from './executor.js';
import type { Gate } from './gate.js';
import { type PerformOptions, perform } from './perform.js';
import type { ChildOutcome, EndedReport, NumberedJob, ParentMessage } from './protocol.js';
import type { Reporter } from './reporter.js';
import { serializeError } from './serialize-error.js';
import { Surroundings } from './surroundings.js';

export interface ExecutorChildOptions {
  readonly runtime: ExecutorRuntime;
  readonly reporter: Pick<Reporter, 'report' | 'reportLast' | 'flush'>;
  readonly gate: Pick<Gate, 'tryBegin' | 'reopen'>;
  readonly maxResultBytes: number;
  readonly maxMetaBytes: number;
  /** Ends the process; everything is reported and disposed of by then. */
  leave(): void;
}

interface Running {
  readonly number: number;
  readonly around: Surroundings;
}

/**
 * The child's half, without the process around it: a window of jobs, run one at a time in order.
 * It exits by itself in two cases: when asked to drain, and when a handler broke out of its promise.
 */
export class ExecutorChild {
  #window: NumberedJob[] = [];
  #running: Running | null = null;
  #isLeaving = false;
  #isFinishing = false;
  readonly #performing: PerformOptions;

  constructor(private readonly options: ExecutorChildOptions) {
    const { runtime, maxResultBytes, maxMetaBytes } = options;
    this.#performing = { maxResultBytes, maxMetaBytes, runJob: runtime.runJob?.bind(runtime) };
  }

  receive(message: ParentMessage): void {
    switch (message.kind) {
      case 'run':
        this.#window.push(...message.jobs);
        if (this.#isLeaving) this.#giveBack('the executor is leaving');
        else this.#goOn();
        return;
      case 'cancel':
        this.#cancel(message.job, message.reason);
        return;
      case 'takeBack':
        this.#window = this.#window.filter(({ number }) => number <= message.above);
        this.options.gate.reopen();
        this.#goOn();
        return;
      case 'drain':
        this.#leave('the executor was asked to drain');
        return;
      case 'hello':
        return;
    }
  }

  /**
   * An error that reached the process: an unhandled rejection, or a throw from a timer or an event.
   * The running job is charged with it only if it is not plainly another job's; in any case no
   * further job begins in a process that is in an unknown state.
   */
  crashed(error: unknown): void {
    const scope = jobInScope();
    const running = this.#running;
    const { name, message, stack } = serializeError(error);
    process.stderr.write(`${stack}\n`);
    this.#leave(
      `${scope ? `job ${scope.id}` : 'a handler'} let an error escape: ${name}: ${message}`,
    );
    if (!running || (scope && scope.execution !== running.around.job.execution)) return;
    this.#end(running, {
      kind: 'threw',
      error: { name, message, stack },
      retryable: !isDoNotRetry(error),
    });
  }

  /** The process is about to end, whoever wants it: what is known must leave now. */
  lastWords(): void {
    this.#running?.around.flush();
    this.options.reporter.flush();
  }

  /** Begins the next job of the window, unless one runs; and tells of that together with what has just ended. */
  #goOn(ended?: EndedReport, nowMs = performance.now()): void {
    if (this.#running) return;
    const { reporter } = this.options;
    const next = this.#begin();
    if (next) {
      reporter.report({ ended, begun: { job: next.number, atMs: nowMs } }, nowMs);
      this.#run(next, nowMs);
      return;
    }
    if (ended) reporter.reportLast({ ended }, nowMs);
    if (this.#isLeaving) void this.#finish();
  }

  /** The next job of the window, marked as begun in the gate. */
  #begin(): NumberedJob | undefined {
    const [next] = this.#window;
    if (!next || !this.options.gate.tryBegin(next.number)) return undefined;
    this.#window.shift();
    return next;
  }

  #run({ number, job }: NumberedJob, beganAtMs: number): void {
    const tell = (note: Note) => this.options.reporter.report({ note: { job: number, note } });
    const running = { number, around: new Surroundings(job, tell, beganAtMs) };
    this.#running = running;
    const { handlers } = this.options.runtime;
    void perform(handlers, job, running.around, this.#performing).then((outcome) => {
      // One that let an error escape has had its outcome.
      if (this.#running === running) this.#end(running, outcome);
    });
  }

  #end({ number, around }: Running, outcome: Outcome): void {
    around.end();
    this.#running = null;
    const nowMs = performance.now();
    const tookMs = nowMs - around.beganAtMs;
    this.#goOn({ job: number, outcome: outcome as ChildOutcome, tookMs }, nowMs);
  }

  #cancel(job: number, reason: Extract<ParentMessage, { kind: 'cancel' }>['reason']): void {
    if (this.#running?.number === job) this.#running.around.abort(reason);
    const at = this.#window.findIndex(({ number }) => number === job);
    if (at < 0 || reason === 'timedOut') return;
    this.#window.splice(at, 1);
    this.options.reporter.report({
      ended: { job, outcome: { kind: 'stopped', reason }, tookMs: 0 },
    });
  }

  #leave(reason: string): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.options.reporter.report({ leaving: reason.slice(0, 4096) });
    this.#giveBack(reason.slice(0, 4096));
    if (!this.#running) void this.#finish();
  }

  #giveBack(reason: string): void {
    for (const { number } of this.#window) {
      this.options.reporter.report({
        ended: { job: number, outcome: { kind: 'notBegun', reason }, tookMs: 0 },
      });
    }
    this.#window = [];
    this.options.reporter.flush();
  }

  async #finish(): Promise<void> {
    if (this.#isFinishing) return;
    this.#isFinishing = true;
    try {
      await this.options.runtime.dispose?.();
    } catch (error) {
      process.stderr.write(
        `The runtime could not be disposed of: ${serializeError(error).stack}\n`,
      );
    }
    this.options.leave();
  }
}
