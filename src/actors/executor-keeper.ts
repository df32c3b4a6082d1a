import { ExecutorStartError } from './executor/errors.js';
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
import type { ActorRef, ActorSpec } from './kernel/behavior.js';

export type KeeperMessage =
  | { kind: 'run'; jobs: readonly JobToRun[] }
  | { kind: 'cancel'; execution: string; reason: StopReason }
  | { kind: 'takeBack'; reason: string }
  | { kind: 'leave'; graceMs: number }
  | { kind: 'exited'; exit: ExecutorExit }
  | { kind: 'failed'; error: unknown };

/** What a keeper tells the supervisor of its executor. */
export type KeeperReport =
  | { kind: 'ready'; slot: number; concurrency: number; names: readonly string[] }
  | { kind: 'unready'; slot: number; exit: ExecutorExit | null }
  | { kind: 'begun'; slot: number; begun: readonly Begun[] }
  | { kind: 'ended'; slot: number; ended: readonly Ended[] }
  | { kind: 'left'; slot: number };

export interface KeeperSettings {
  makeExecutor(events: ExecutorEvents): Executor;
  onNote(job: JobToRun, note: Note): void;
  onOutput(job: JobToRun | null, stream: 'stdout' | 'stderr', text: string): void;
  /** An executor did not come up. The keeper tries again, and gives up in the end. */
  onStartFailed(error: unknown): void;
  /** The executor is replaced after so many jobs. */
  maxJobs: number;
  /** The executor is replaced after a job that left it with more resident memory than this. */
  maxRssBytes: number;
}

/** The longest time that a timer can hold: some 24 days. */
export const noLimitMs = 2 ** 31 - 1;

/** Resident memory is asked for once in so many jobs: it costs a look into /proc. */
const rssEvery = 64;

/**
 * Keeps one place for an executor filled. A child that leaves because of a job (it died with it, was
 * killed for it, or has done its share) is replaced at once: that is the job's fault, and the job has its
 * outcome. One that cannot start, or dies with nothing to do, is a crash of the keeper: it is restarted with
 * a growing pause, and when that goes on, the trouble is the worker's.
 */
export const executorKeeper = (
  slot: number,
  supervisor: ActorRef<KeeperReport>,
  settings: KeeperSettings,
): ActorSpec<KeeperMessage> => ({
  name: `executor-${slot}`,
  restart: 'permanent',
  restartLimit: { restarts: 3, withinMs: 60_000 },
  backoff: { firstMs: 200, maxMs: 5_000, resetAfterMs: 30_000 },
  mailbox: { capacity: 100_000, overflow: 'reject' },
  shutdownMs: 10_000,
  behavior: (context) => {
    let executor: Executor | null = null;
    let isLeaving = false;

    const isWorn = (worn: Executor, endedNow: number): boolean => {
      if (worn.jobsDone >= settings.maxJobs) return true;
      if (
        worn.jobsDone > rssEvery &&
        Math.floor(worn.jobsDone / rssEvery) === Math.floor((worn.jobsDone - endedNow) / rssEvery)
      )
        return false;
      return (worn.rssBytes() ?? 0) > settings.maxRssBytes;
    };

    const start = (): void => {
      const { self } = context;
      let isGone = false;
      const fresh = settings.makeExecutor({
        onBegun: (begun) => supervisor.tell({ kind: 'begun', slot, begun }),
        onEnded: (ended) => {
          supervisor.tell({ kind: 'ended', slot, ended });
          if (!isGone && isWorn(fresh, ended.length)) {
            supervisor.tell({ kind: 'unready', slot, exit: null });
            void fresh.stop({ graceMs: noLimitMs });
          }
        },
        onNote: settings.onNote,
        onOutput: settings.onOutput,
        onLeaving: () => supervisor.tell({ kind: 'unready', slot, exit: null }),
        onExit: (exit) => {
          isGone = true;
          self.tell({ kind: 'exited', exit });
        },
      });
      executor = fresh;
      fresh.start().then(
        (names) =>
          !isGone &&
          supervisor.tell({ kind: 'ready', slot, concurrency: fresh.concurrency, names }),
        (error) => {
          settings.onStartFailed(error);
          self.tell({ kind: 'failed', error });
        },
      );
    };

    return {
      started: start,
      receive: (message) => {
        switch (message.kind) {
          case 'run':
            return executor?.run(message.jobs);
          case 'cancel':
            return executor?.cancel(message.execution, message.reason);
          case 'takeBack':
            return executor?.takeBack(message.reason);
          case 'leave':
            isLeaving = true;
            void executor?.stop({ graceMs: message.graceMs });
            return;
          case 'exited': {
            const doneBefore = executor?.jobsDone ?? 0;
            executor = null;
            supervisor.tell({ kind: 'unready', slot, exit: message.exit });
            if (isLeaving) {
              supervisor.tell({ kind: 'left', slot });
              return;
            }
            if (!message.exit.isClean && doneBefore === 0)
              throw new ExecutorStartError('it died with nothing to do', message.exit.detail);
            start();
            return;
          }
          case 'failed':
            if (isLeaving) return;
            executor = null;
            throw message.error;
        }
      },
      stopping: () => executor?.kill(),
    };
  },
});
