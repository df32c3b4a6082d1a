import { TransientMap } from '../../redis/transient-map.js';
import type { JobToRun } from '../job-to-run.js';
import type { Outcome } from '../outcome.js';
import type { ExecutorRuntime } from './child-runtime.js';
import { type Deferred, deferred } from './deferred.js';
import { ExecutorStartError } from './errors.js';
import type {
  Begun,
  Ended,
  Executor,
  ExecutorEvents,
  ExecutorExit,
  StopReason,
} from './executor.js';
import type { Fate } from './held-jobs.js';
import { outcomeOf } from './outcome-of.js';
import { type PerformOptions, perform } from './perform.js';
import { Surroundings } from './surroundings.js';

export interface InlineExecutorOptions extends PerformOptions {
  readonly runtime: () => Promise<ExecutorRuntime> | ExecutorRuntime;
  /** Handlers that run at the same time. */
  readonly concurrency: number;
  /** Between the abort of a job's signal and the moment we turn our back on it. Default 5 s. */
  readonly graceMs?: number;
}

const lookEveryMs = 50;
const batchSize = 128;
const mostStarted = 256;

/**
 * Runs many jobs at once in this process: for handlers that mostly wait. Same outcomes and events
 * as a child, with one difference that no code can remove: nothing here can be killed. A job that
 * ignores its signal is abandoned after `graceMs`: it gets its outcome and gives up its place, but
 * its code goes on. And a handler that blocks the thread blocks everything, its own timeout too.
 */
export class InlineExecutor implements Executor {
  readonly concurrency: number;
  readonly #waiting: JobToRun[] = [];
  #nextWaiting = 0;
  readonly #running = new TransientMap<string, RunningInline>();
  readonly #exit: Deferred<ExecutorExit> = deferred();
  #runtime: ExecutorRuntime | null = null;
  #performing: PerformOptions = {};
  #starting: Promise<readonly string[]> | null = null;
  #state: 'new' | 'ready' | 'leaving' | 'gone' = 'new';
  #jobsDone = 0;
  #ended: Ended[] = [];
  #isPassing = false;
  #looking: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: InlineExecutorOptions,
    private readonly events: ExecutorEvents,
  ) {
    this.concurrency = options.concurrency;
  }

  get held(): number {
    return this.#waiting.length - this.#nextWaiting + this.#running.size;
  }

  get jobsDone(): number {
    return this.#jobsDone;
  }

  rssBytes(): number {
    return process.memoryUsage.rss();
  }

  /** @throws whatever the runtime threw: this process is the worker's, and cannot be restarted */
  start(): Promise<readonly string[]> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  run(jobs: readonly JobToRun[]): void {
    if (this.#state !== 'ready') {
      this.#giveBack(jobs, `the executor is ${this.#state}`);
      return;
    }
    for (const job of jobs) this.#waiting.push(job);
    this.#fill();
    if (this.held > 0) this.#looking ??= setInterval(() => this.#look(), lookEveryMs);
  }

  cancel(execution: string, reason: StopReason): void {
    const running = this.#running.get(execution);
    if (running) {
      running.decide({ kind: 'stopped', reason });
      return;
    }
    const at = this.#waiting.findIndex((job) => job.execution === execution);
    if (at < this.#nextWaiting || reason === 'killed') return;
    const [job] = this.#waiting.splice(at, 1) as [JobToRun];
    this.#end({ job, outcome: { kind: 'stopped', reason }, beganAtMs: null, tookMs: 0 });
  }

  takeBack(reason: string): void {
    const waiting = this.#waiting.splice(0).slice(this.#nextWaiting);
    this.#nextWaiting = 0;
    this.#giveBack(waiting, reason);
  }

  stop({ graceMs }: { graceMs: number }): Promise<ExecutorExit> {
    if (this.#state === 'gone') return this.#exit.promise;
    this.#state = 'leaving';
    this.takeBack('the executor is stopping');
    const stopAll = () => {
      for (const running of this.#running.values()) {
        running.decide({ kind: 'stopped', reason: 'shutdown' });
      }
    };
    clearTimeout(this.#patience);
    this.#patience = setTimeout(stopAll, graceMs);
    if (this.#running.size === 0) void this.#finish();
    return this.#exit.promise;
  }

  kill(): void {
    if (this.#state === 'gone') return;
    this.#state = 'leaving';
    this.takeBack('the executor was killed');
    for (const running of [...this.#running.values()]) {
      running.decide({ kind: 'stopped', reason: 'shutdown' });
      this.#abandon(running);
    }
    if (this.#running.size === 0) void this.#finish();
  }

  async #start(): Promise<readonly string[]> {
    const runtime = await this.options.runtime();
    if (this.#state !== 'new') {
      await runtime.dispose?.();
      throw new ExecutorStartError('it was stopped while it started', '');
    }
    this.#runtime = runtime;
    const runJob = runtime.runJob?.bind(runtime) ?? this.options.runJob;
    this.#performing = { ...this.options, runJob };
    this.#state = 'ready';
    return runtime.handlers.names();
  }

  #fill(): void {
    const runtime = this.#runtime;
    while (runtime && this.#running.size < this.concurrency) {
      const job = this.#waiting[this.#nextWaiting];
      if (!job) break;
      this.#nextWaiting += 1;
      const running = new RunningInline(job, (note) => this.events.onNote?.(job, note));
      this.#running.set(job.execution, running);
      void perform(runtime.handlers, job, running, this.#performing).then((outcome) =>
        this.#settle(running, outcome),
      );
    }
    // Shifting one by one would move the whole window each time; and under load it never runs empty.
    if (this.#nextWaiting === this.#waiting.length || this.#nextWaiting >= mostStarted) {
      this.#waiting.splice(0, this.#nextWaiting);
      this.#nextWaiting = 0;
    }
  }

  #settle(running: RunningInline, said: Outcome): void {
    // Abandoned: it has had its outcome, and its place is taken.
    if (this.#running.get(running.job.execution) !== running) return;
    this.#running.delete(running.job.execution);
    this.#jobsDone += 1;
    const { job, beganAtMs, fate } = running;
    running.end();
    const tookMs = performance.now() - beganAtMs;
    this.#end({ job, outcome: outcomeOf(fate, said, tookMs), beganAtMs, tookMs });
    this.#fill();
    if (this.#state === 'leaving' && this.#running.size === 0) void this.#finish();
  }

  #abandon(running: RunningInline): void {
    if (running.fate) this.#settle(running, running.fate);
  }

  // One tick after all promises of this turn have had their say: so many short jobs, one batch.
  #end(ended: Ended): void {
    this.#ended.push(ended);
    if (this.#ended.length >= batchSize) {
      this.#pass();
    } else if (!this.#isPassing) {
      this.#isPassing = true;
      process.nextTick(() => this.#pass());
    }
  }

  #pass(): void {
    this.#isPassing = false;
    const ended = this.#ended;
    if (ended.length === 0) return;
    this.#ended = [];
    this.events.onEnded(ended);
  }

  #look(): void {
    if (this.held === 0) {
      clearInterval(this.#looking);
      this.#looking = undefined;
      return;
    }
    const nowMs = performance.now();
    const begun: Begun[] = [];
    for (const running of [...this.#running.values()]) {
      const { job, beganAtMs } = running;
      if (!running.isAnnounced) begun.push({ job, beganAtMs });
      running.isAnnounced = true;
      if (job.timeoutMs !== null && nowMs >= beganAtMs + job.timeoutMs) {
        running.decide({ kind: 'timedOut', limitMs: job.timeoutMs });
      }
      const { graceMs = 5_000 } = this.options;
      if (running.abortedAtMs !== null && nowMs >= running.abortedAtMs + graceMs) {
        this.#abandon(running);
      }
    }
    if (begun.length > 0) this.events.onBegun?.(begun);
  }

  #giveBack(jobs: readonly JobToRun[], reason: string): void {
    if (jobs.length === 0) return;
    const outcome = { kind: 'notBegun', reason } as const;
    this.events.onEnded(jobs.map((job) => ({ job, outcome, beganAtMs: null, tookMs: 0 })));
  }

  async #finish(): Promise<void> {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    clearInterval(this.#looking);
    clearTimeout(this.#patience);
    this.#pass();
    let detail = '';
    try {
      await this.#runtime?.dispose?.();
    } catch (error) {
      detail = `disposing of the runtime failed: ${String(error)}`;
    }
    const exit = { exitCode: null, signal: null, isClean: detail === '', detail };
    this.events.onExit?.(exit);
    this.#exit.resolve(exit);
  }
}

/** One job that runs here, and what was decided about it. */
class RunningInline extends Surroundings {
  isAnnounced = false;
  fate: Fate | null = null;
  abortedAtMs: number | null = null;

  /** The first decision stands. */
  decide(fate: Fate): void {
    if (this.fate) return;
    this.fate = fate;
    this.abortedAtMs = performance.now();
    this.abort(fate.kind === 'stopped' ? fate.reason : fate.kind);
  }
}
