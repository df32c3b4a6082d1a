import type { Observable, SchedulerLike } from 'rxjs';
import { ActorCell } from './actor-cell.js';
import type { ActorRef, ActorSpec, Supervision, SystemView } from './behavior.js';
import { ActorStoppedError } from './errors.js';
import { Family } from './family.js';
import { Kernel, type KernelOptions } from './kernel.js';
import type { DeadLetter, KernelEvent } from './kernel-event.js';

export interface SystemOptions extends KernelOptions {
  /** An error that no supervisor handled. The actor it came from is stopped; the rest lives on. */
  onFatal: (error: unknown) => void;
  /** How actors of the first generation are looked after. */
  supervision?: Supervision;
}

/** A step before the actors are stopped, such as quiet or drain. It ends when `run` does, or late. */
export interface StopPhase {
  name: string;
  run(): void | Promise<void>;
  deadlineMs: number;
}

/** What went wrong on the way down. */
export interface StopReport {
  /** Paths of actors whose code did not end in time. */
  abandoned: string[];
  crashed: { path: string; error: unknown }[];
  /** Names of the phases that were still running at their deadline. */
  late: string[];
  failed: { phase: string; error: unknown }[];
}

/** The root of all actors: spawns the first generation, and ends them all. */
export class ActorSystem implements SystemView {
  private readonly kernel: Kernel;
  private readonly family: Family;
  private stopped: Promise<StopReport> | undefined;

  constructor(options: SystemOptions) {
    this.kernel = new Kernel(options);
    this.family = new Family(this.kernel, '', options.supervision ?? {}, (error) => {
      try {
        options.onFatal(error);
      } catch (thrown) {
        // Outside of the turn: the other actors are not to blame, and the process must hear of it.
        setImmediate(() => {
          throw thrown;
        });
      }
    });
  }

  get clock(): SchedulerLike {
    return this.kernel.clock;
  }

  get events$(): Observable<KernelEvent> {
    return this.kernel.events$;
  }

  get deadLetters$(): Observable<DeadLetter> {
    return this.kernel.deadLetters$;
  }

  get deadLetterCount(): number {
    return this.kernel.deadLetterCount;
  }

  /** Throws ActorStoppedError once the system is stopping. The actor starts in a turn of its own. */
  spawn<M>(spec: ActorSpec<M>): ActorRef<M> {
    if (this.stopped) throw new ActorStoppedError('/', `it cannot spawn '${spec.name}'`);
    return new ActorCell(spec, this.kernel, this.family);
  }

  /**
   * Runs the phases one after the other, then stops the actors, last started first. What is not
   * over after `deadlineMs` in total is abandoned. May be called twice; never rejects.
   */
  stop(options: { deadlineMs: number; phases?: readonly StopPhase[] }): Promise<StopReport> {
    this.stopped ??= this.shutDown(options.deadlineMs, options.phases ?? []);
    return this.stopped;
  }

  private async shutDown(deadlineMs: number, phases: readonly StopPhase[]): Promise<StopReport> {
    const report: StopReport = { abandoned: [], crashed: [], late: [], failed: [] };
    this.kernel.events$.subscribe((event) => note(report, event));
    const endsAtMs = this.clock.now() + deadlineMs;
    const leftMs = (): number => Math.max(0, endsAtMs - this.clock.now());
    for (const phase of phases) await this.runPhase(phase, Math.min(phase.deadlineMs, leftMs()));
    await new Promise<void>((resolve) => {
      const limit = this.clock.schedule(() => this.family.abandonAll(deadlineMs), leftMs());
      this.family.stopAll(() => {
        limit.unsubscribe();
        resolve();
      });
    });
    this.kernel.complete();
    return report;
  }

  /** Resolves when the phase is over, or when `limitMs` are; what it throws is an event. */
  private runPhase({ name: phase, run }: StopPhase, limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (event: KernelEvent): void => {
        limit.unsubscribe();
        this.kernel.emit(event);
        resolve();
      };
      const limit = this.clock.schedule(
        () => end({ kind: 'phaseEnded', phase, outcome: 'late' }),
        limitMs,
      );
      (async () => run())().then(
        () => limit.closed || end({ kind: 'phaseEnded', phase, outcome: 'done' }),
        (error: unknown) => end({ kind: 'phaseFailed', phase, error }),
      );
    });
  }
}

const note = (report: StopReport, event: KernelEvent): void => {
  if (event.kind === 'abandoned') report.abandoned.push(event.path);
  if (event.kind === 'crashed') report.crashed.push({ path: event.path, error: event.error });
  if (event.kind === 'phaseEnded' && event.outcome === 'late') report.late.push(event.phase);
  if (event.kind === 'phaseFailed') report.failed.push({ phase: event.phase, error: event.error });
};
