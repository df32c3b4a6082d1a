import { isDoNotRetry, jobInScope } from '../../tasks.js';
import type { Outcome } from '../outcome.js';
import type { ExecutorRuntime } from './child-runtime.js';
import type { Gate } from './gate.js';
import { perform } from './perform.js';
import type { ChildOutcome, EndedReport, NumberedJob, ParentMessage } from './protocol.js';
import type { Reporter } from './reporter.js';
import { serializeError } from './serialize-error.js';
import { Surroundings } from './surroundings.js';

export interface ExecutorChildOptions {
  readonly runtime: ExecutorRuntime;
  readonly reporter: Pick<Reporter, 'report' | 'flush'>;
  readonly gate: Pick<Gate, 'tryBegin' | 'reopen'>;
  readonly maxResultBytes: number;
  readonly maxMetaBytes: number;
  /** Ends the process; everything is reported and disposed of by then. */
  leave(): void;
}

/**
 * The child's half, without the process around it: a window of jobs, run one at a time in order.
 * It exits by itself in two cases: when asked to drain, and when a handler broke out of its promise.
 */
export class ExecutorChild {
  #window: NumberedJob[] = [];
  #running: { number: number; settle(outcome: Outcome): void; around: Surroundings } | null = null;
  #isLooping = false;
  #isLeaving = false;

  constructor(private readonly options: ExecutorChildOptions) {}

  receive(message: ParentMessage): void {
    switch (message.kind) {
      case 'run':
        this.#window.push(...message.jobs);
        if (this.#isLeaving) this.#giveBack('the executor is leaving');
        else void this.#loop();
        return;
      case 'cancel':
        this.#cancel(message.job, message.reason);
        return;
      case 'takeBack':
        this.#window = this.#window.filter(({ number }) => number <= message.above);
        this.options.gate.reopen();
        void this.#loop();
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
    running.settle({
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

  async #loop(): Promise<void> {
    if (this.#isLooping) return;
    this.#isLooping = true;
    const { reporter } = this.options;
    let ended: EndedReport | undefined;
    for (;;) {
      const next = this.#begin();
      if (ended || next) {
        const begun = next && { job: next.number, atMs: performance.now() };
        reporter.report({ ...(ended && { ended }), ...(begun && { begun }) });
      }
      if (!next) break;
      ended = await this.#run(next);
    }
    reporter.flush();
    this.#isLooping = false;
    if (this.#isLeaving) await this.#finish();
  }

  /** The next job of the window, marked as begun in the gate. */
  #begin(): NumberedJob | undefined {
    const [next] = this.#window;
    if (!next || !this.options.gate.tryBegin(next.number)) return undefined;
    this.#window.shift();
    return next;
  }

  async #run({ number, job }: NumberedJob): Promise<EndedReport> {
    const { runtime, maxResultBytes, maxMetaBytes } = this.options;
    const around = new Surroundings(job, (note) => {
      this.options.reporter.report({ note: { job: number, note } });
    });
    const outcome = await new Promise<Outcome>((settle) => {
      this.#running = { number, settle, around };
      const runJob = runtime.runJob?.bind(runtime);
      void perform(runtime.handlers, job, around, { maxResultBytes, maxMetaBytes, runJob }).then(
        settle,
      );
    });
    around.end();
    this.#running = null;
    const tookMs = performance.now() - around.beganAtMs;
    return { job: number, outcome: outcome as ChildOutcome, tookMs };
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
    if (!this.#isLooping) void this.#finish();
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
