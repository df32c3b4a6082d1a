import { type Deferred, deferred } from '../../../src/actors/executor/deferred.js';
import type {
  Ended,
  Executor,
  ExecutorEvents,
  ExecutorExit,
  StopReason,
} from '../../../src/actors/executor/executor.js';
import type { JobToRun } from '../../../src/actors/job-to-run.js';
import type { Outcome } from '../../../src/actors/outcome.js';

const returned: Outcome = { kind: 'returned', result: null };

/** An executor that does what the test says, and only then. It keeps what it was told to do. */
export class FakeExecutor implements Executor {
  readonly jobs: JobToRun[] = [];
  /** How many jobs came at a time. */
  readonly batches: number[] = [];
  readonly canceled: [execution: string, reason: StopReason][] = [];
  readonly stops: number[] = [];
  readonly takenBack: string[] = [];
  isKilled = false;
  jobsDone = 0;
  rss = 0;
  private readonly starting: Deferred<readonly string[]> = deferred();
  private readonly exit: Deferred<ExecutorExit> = deferred();

  constructor(
    private readonly events: ExecutorEvents,
    readonly concurrency = 1,
  ) {}

  get held(): number {
    return this.jobs.length;
  }

  start(): Promise<readonly string[]> {
    return this.starting.promise;
  }

  run(jobs: readonly JobToRun[]): void {
    this.batches.push(jobs.length);
    this.jobs.push(...jobs);
  }

  cancel(execution: string, reason: StopReason): void {
    this.canceled.push([execution, reason]);
  }

  takeBack(reason: string): void {
    this.takenBack.push(reason);
    this.end(this.jobs.length - this.concurrency, { kind: 'notBegun', reason }, 'last');
  }

  stop({ graceMs }: { graceMs: number }): Promise<ExecutorExit> {
    this.stops.push(graceMs);
    return this.exit.promise;
  }

  kill(): void {
    this.isKilled = true;
    this.end(this.held, { kind: 'stopped', reason: 'shutdown' });
    this.leave({ exitCode: null, signal: 'SIGKILL', isClean: false, detail: 'it was killed' });
  }

  rssBytes(): number {
    return this.rss;
  }

  up(names: readonly string[] = ['jobs.noop']): void {
    this.starting.resolve(names);
  }

  fail(error: Error): void {
    this.starting.reject(error);
  }

  begin(): void {
    this.events.onBegun?.([{ job: this.jobs[0] as JobToRun, beganAtMs: 5 }]);
  }

  /** Ends so many jobs, the first ones, all with this outcome. */
  end(count = this.held, outcome: Outcome = returned, from: 'first' | 'last' = 'first'): void {
    if (count <= 0) return;
    const jobs = from === 'first' ? this.jobs.splice(0, count) : this.jobs.splice(-count);
    const hasRun = outcome.kind !== 'notBegun';
    if (hasRun && outcome.kind !== 'stopped') this.jobsDone += jobs.length;
    const ended = jobs.map((job): Ended => {
      return { job, outcome, beganAtMs: hasRun ? 5 : null, tookMs: hasRun ? 1 : 0 };
    });
    this.events.onEnded(ended);
  }

  leave(exit: Partial<ExecutorExit> = {}): void {
    const whole = { exitCode: 0, signal: null, isClean: true, detail: '', ...exit };
    this.events.onExit?.(whole);
    this.exit.resolve(whole);
  }

  /** Dies in its first job, or with nothing to do. */
  die(detail = 'SIGSEGV'): void {
    const [running] = this.jobs;
    if (running) this.end(1, { kind: 'died', exitCode: null, signal: 'SIGSEGV', detail });
    this.end(this.held, { kind: 'notBegun', reason: 'the executor is gone' });
    this.jobsDone = 0;
    this.leave({ exitCode: null, signal: 'SIGSEGV', isClean: false, detail });
  }
}
