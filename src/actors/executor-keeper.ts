import type { ClaimedJob } from '../redis/transitions/settlement.js';
import { ExecutorLostError } from './errors.js';
import type {
  Begun,
  Ended,
  Executor,
  ExecutorEvents,
  ExecutorExit,
  Note,
  StopReason,
} from './executor/executor.js';
import type { JobToRun } from './job-to-run.js';
import type { ActorContext, ActorRef, ActorSpec } from './kernel/behavior.js';
import type { RecorderMessage } from './recorder.js';

export type KeeperMessage =
  | { kind: 'run'; jobs: readonly ClaimedJob[] }
  | { kind: 'cancel'; execution: string; reason: StopReason }
  | { kind: 'takeBack'; reason: string }
  /** No job comes before the next `ready`: the executor leaves once it has nothing left. */
  | { kind: 'replace' }
  | { kind: 'leave'; graceMs: number }
  | { kind: 'up'; executor: Executor; names: readonly string[] }
  | { kind: 'failed'; executor: Executor; error: unknown }
  | { kind: 'exited'; executor: Executor; exit: ExecutorExit };

/** What a keeper tells the supervisor of its executor. */
export type KeeperReport =
  | { kind: 'ready'; slot: number; concurrency: number; names: readonly string[] }
  /** It has done its share. It works on until it is told to be replaced. */
  | { kind: 'worn'; slot: number }
  /** It leaves by itself, and takes no more jobs. */
  | { kind: 'unready'; slot: number }
  | { kind: 'begun'; slot: number }
  | { kind: 'ended'; slot: number; ended: readonly Ended[] }
  | { kind: 'exited'; slot: number; exit: ExecutorExit }
  | { kind: 'left'; slot: number };

export interface KeeperSettings {
  makeExecutor(events: ExecutorEvents): Executor;
  onNote(job: JobToRun, note: Note): void;
  onOutput(job: JobToRun | null, stream: 'stdout' | 'stderr', text: string): void;
  /** The executor is replaced after so many jobs. */
  maxJobs: number;
  /** The executor is replaced after a job that left it with more resident memory than this. */
  maxRssBytes: number;
}

/** Whom a keeper reports to: how jobs went is the recorder's, how the executor is, the supervisor's. */
export interface KeeperAudience {
  supervisor: ActorRef<KeeperReport>;
  recorder: ActorRef<RecorderMessage>;
}

/** The longest time that a timer can hold: some 24 days. */
export const noLimitMs = 2 ** 31 - 1;

/** Resident memory costs a look into /proc: not after each of ten thousand jobs a second. */
const weighEveryMs = 50;

/**
 * Keeps one place for an executor filled. A child that leaves because of a job (it died with it, was
 * killed for it, or has done its share) is replaced at once: that is the job's fault, and the job has its
 * outcome. One that cannot start, or dies with nothing to do, is a crash of the keeper: it is restarted with
 * a growing pause, and when that goes on, the trouble is the worker's.
 */
export const executorKeeper = (
  slot: number,
  audience: KeeperAudience,
  settings: KeeperSettings,
): ActorSpec<KeeperMessage> => ({
  name: `executor-${slot}`,
  restart: 'permanent',
  restartLimit: { restarts: 3, withinMs: 60_000 },
  backoff: { firstMs: 200, maxMs: 5_000, resetAfterMs: 30_000 },
  mailbox: { capacity: 100_000, overflow: 'reject' },
  shutdownMs: 5_000,
  behavior: (context) => new ExecutorKeeper(context, slot, audience, settings),
});

class ExecutorKeeper {
  private executor: Executor | null = null;
  private isUp = false;
  private hasWorked = false;
  private isWorn = false;
  private isReplacing = false;
  private isLeaving = false;
  private weighedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly context: ActorContext<KeeperMessage>,
    private readonly slot: number,
    private readonly audience: KeeperAudience,
    private readonly settings: KeeperSettings,
  ) {}

  started(): void {
    this.start();
  }

  receive(message: KeeperMessage): void {
    switch (message.kind) {
      case 'run':
        this.run(message.jobs);
        return;
      case 'cancel':
        this.executor?.cancel(message.execution, message.reason);
        return;
      case 'takeBack':
        this.executor?.takeBack(message.reason);
        return;
      case 'replace':
        this.isReplacing = true;
        this.stopIfEmpty();
        return;
      case 'leave':
        this.isLeaving = true;
        if (this.executor) void this.executor.stop({ graceMs: message.graceMs });
        else this.report({ kind: 'left', slot: this.slot });
        return;
    }
    // The mailbox survives a restart: what was said of an earlier executor concerns nobody any more.
    if (message.executor !== this.executor) return;
    if (message.kind === 'up') this.up(message.executor, message.names);
    else if (message.kind === 'failed') this.failed(message.error);
    else this.exited(message.exit);
  }

  /** Its jobs must have had their outcomes before nobody is there to hear them. */
  async stopping(): Promise<void> {
    this.executor?.kill();
    await this.executor?.stop({ graceMs: 0 });
  }

  private start(): void {
    const { self } = this.context;
    const executor = this.settings.makeExecutor({
      onBegun: (begun) => this.begun(begun),
      onEnded: (ended) => this.ended(executor, ended),
      onNote: this.settings.onNote,
      onOutput: this.settings.onOutput,
      onLeaving: () => this.report({ kind: 'unready', slot: this.slot }),
      onExit: (exit) => self.tell({ kind: 'exited', executor, exit }),
    });
    this.executor = executor;
    this.isUp = false;
    this.hasWorked = false;
    this.isWorn = false;
    this.isReplacing = false;
    executor.start().then(
      (names) => self.tell({ kind: 'up', executor, names }),
      (error) => self.tell({ kind: 'failed', executor, error }),
    );
  }

  private run(jobs: readonly ClaimedJob[]): void {
    if (this.executor) {
      this.executor.run(jobs);
      return;
    }
    const outcome = { kind: 'notBegun', reason: 'the executor has left' } as const;
    const ended = jobs.map((job) => ({ job, outcome, beganAtMs: null, tookMs: 0 }));
    this.audience.recorder.tell({ kind: 'ended', ended });
    this.report({ kind: 'ended', slot: this.slot, ended });
  }

  private begun(begun: readonly Begun[]): void {
    this.audience.recorder.tell({ kind: 'begun', begun });
    this.report({ kind: 'begun', slot: this.slot });
  }

  private ended(executor: Executor, ended: readonly Ended[]): void {
    // Outcomes go to the recorder directly: the supervisor may be gone before the last of its children.
    this.audience.recorder.tell({ kind: 'ended', ended });
    this.report({ kind: 'ended', slot: this.slot, ended });
    if (executor !== this.executor) return;
    this.hasWorked ||= ended.some(({ outcome }) => outcome.kind !== 'notBegun');
    if (this.isReplacing) this.stopIfEmpty();
    else if (!this.isWorn && this.isUp && this.isWornNow(executor)) {
      this.isWorn = true;
      this.report({ kind: 'worn', slot: this.slot });
    }
  }

  private isWornNow(executor: Executor): boolean {
    const { maxJobs, maxRssBytes } = this.settings;
    if (executor.jobsDone >= maxJobs) return true;
    if (maxRssBytes === Number.POSITIVE_INFINITY) return false;
    const nowMs = performance.now();
    if (nowMs - this.weighedAtMs < weighEveryMs) return false;
    this.weighedAtMs = nowMs;
    return (executor.rssBytes() ?? 0) > maxRssBytes;
  }

  private stopIfEmpty(): void {
    if (this.executor?.held === 0) void this.executor.stop({ graceMs: noLimitMs });
  }

  private up({ concurrency }: Executor, names: readonly string[]): void {
    this.isUp = true;
    if (!this.isLeaving) this.report({ kind: 'ready', slot: this.slot, concurrency, names });
  }

  private failed(error: unknown): void {
    this.executor = null;
    if (!this.isLeaving) throw error;
    this.report({ kind: 'left', slot: this.slot });
  }

  private exited(exit: ExecutorExit): void {
    // Before it was up, the failure of its start is the news, and comes next.
    if (!this.isUp) return;
    this.executor = null;
    this.report({ kind: 'exited', slot: this.slot, exit });
    if (this.isLeaving) this.report({ kind: 'left', slot: this.slot });
    else if (!exit.isClean && !this.hasWorked) throw new ExecutorLostError(this.slot, exit);
    else this.start();
  }

  private report(report: KeeperReport): void {
    this.audience.supervisor.tell(report);
  }
}
