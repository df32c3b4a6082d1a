import type { JobToRun } from '../job-to-run.js';
import { ChildConnection } from './child-connection.js';
import { ChildOutput } from './child-output.js';
import { Deadline } from './deadline.js';
import { type Death, describeDeath, endedByDeath } from './death.js';
import { type Deferred, deferred } from './deferred.js';
import { ExecutorStartError } from './errors.js';
import type { Ended, Executor, ExecutorEvents, ExecutorExit, StopReason } from './executor.js';
import {
  type ExecutorProcessOptions,
  executorProcessDefaults,
} from './executor-process-options.js';
import { ProtocolError } from './frames.js';
import { maxJobNumber } from './gate.js';
import { type Fate, type HeldJob, HeldJobs } from './held-jobs.js';
import { KillLadder } from './kill-ladder.js';
import { outcomeOf } from './outcome-of.js';
import type { ChildMessage, EndedReport, Report } from './protocol.js';
import { residentBytes } from './resident-memory.js';

export type { ExecutorProcessOptions } from './executor-process-options.js';

const lookEveryMs = 100;

/**
 * The parent's half of one executor child. It hands jobs over, keeps their deadlines, and turns
 * whatever happens (an answer, a deadline, a death, a lie) into exactly one outcome per job. What
 * becomes of the child afterwards is its owner's business.
 */
export class ExecutorProcess implements Executor {
  readonly concurrency = 1;
  readonly #options: ExecutorProcessOptions & typeof executorProcessDefaults;
  readonly #held = new HeldJobs();
  readonly #output: ChildOutput<JobToRun>;
  readonly #ladder: KillLadder;
  readonly #ready: Deferred<readonly string[]> = deferred();
  readonly #exit: Deferred<ExecutorExit> = deferred();
  #child: ChildConnection | null = null;
  #state: 'new' | 'loading' | 'ready' | 'leaving' | 'gone' = 'new';
  /** Why we end it, once we do: the child's own account of its death would only say SIGKILL. */
  #verdict: string | null = null;
  #isBroken = false;
  #loadError = '';
  #takingBack: string | null = null;
  #jobsDone = 0;
  #ended: Ended[] = [];
  readonly #deadline = new Deadline((held, limitMs) => this.#deadlineCame(held, limitMs));
  #looking: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(
    options: ExecutorProcessOptions,
    private readonly events: ExecutorEvents,
  ) {
    this.#options = { ...executorProcessDefaults, ...options };
    this.#output = new ChildOutput(
      this.#options.maxOutputPerJob,
      () => (this.#held.running ?? this.#held.firstWaiting())?.job ?? null,
      (job, stream, text) => events.onOutput?.(job, stream, text),
    );
    const abort = () => this.#abortRunning();
    const terminate = () => this.#terminate();
    const kill = () => this.#child?.kill();
    this.#ladder = new KillLadder({ abort, terminate, kill }, this.#options.graceMs);
    // Whoever only listens to events must not be killed by a rejection that nobody awaits.
    this.#ready.promise.catch(() => undefined);
  }

  get held(): number {
    return this.#held.size;
  }

  get jobsDone(): number {
    return this.#jobsDone;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): Promise<readonly string[]> {
    if (this.#state === 'new') this.#spawn();
    return this.#ready.promise;
  }

  run(jobs: readonly JobToRun[]): void {
    if (this.#state !== 'ready' || this.#held.count + jobs.length > maxJobNumber) {
      this.#answer(jobs, `the executor is ${this.#state}`);
      return;
    }
    this.#child?.send({ kind: 'run', jobs: this.#held.add(jobs, performance.now()) });
    this.#looking ??= setInterval(() => this.#look(), lookEveryMs);
  }

  cancel(execution: string, reason: StopReason): void {
    if (!this.#held.byExecution(execution)) return;
    // A child that blocks its thread cannot say that it has begun, or that it is over.
    this.#child?.readJournal();
    const held = this.#held.byExecution(execution);
    if (!held) return;
    if (reason === 'killed') {
      // The next in line may have begun already, and the news be on its way.
      if (held === (this.#held.running ?? this.#held.firstWaiting()))
        this.#killFor(held, { kind: 'stopped', reason });
    } else if (held === this.#held.running) {
      this.#decide(held, { kind: 'stopped', reason });
    } else {
      held.fate ??= { kind: 'stopped', reason };
      this.#child?.send({ kind: 'cancel', job: held.number, reason });
    }
  }

  takeBack(reason: string): void {
    if (this.#takingBack !== null || !this.#child?.hasGate || !this.#held.firstWaiting()) return;
    this.#takingBack = reason;
    this.#child?.closeGate();
  }

  stop({ graceMs }: { graceMs: number }): Promise<ExecutorExit> {
    if (this.#state === 'new') this.#gone(null, null, null);
    else if (this.#state === 'loading') this.kill();
    else if (this.#state === 'ready') {
      this.#state = 'leaving';
      this.takeBack('the executor is stopping');
      this.#child?.send({ kind: 'drain' });
    }
    if (this.#state === 'leaving') this.#waitAtMost(graceMs);
    return this.#exit.promise;
  }

  kill(): void {
    if (this.#state === 'new') {
      this.#gone(null, null, null);
      return;
    }
    this.#verdict ??= 'it was killed by its worker';
    this.#stopRunning();
    this.#ladder.kill();
  }

  rssBytes(): number | null {
    return this.pid === undefined || this.#state === 'gone' ? null : residentBytes(this.pid);
  }

  #spawn(): void {
    const { modules, bootModule, config, leaseMs, readyWithinMs } = this.#options;
    const { maxResultBytes, maxMetaBytes, warden } = this.#options;
    this.#state = 'loading';
    const hello = { modules, bootModule, config, leaseMs, maxResultBytes, maxMetaBytes };
    try {
      this.#child = new ChildConnection(this.#options, hello, warden, {
        onMessages: (messages, nowMs) => this.#receive(messages, nowMs),
        onGateClosed: (lastBegun) => this.#gateClosed(lastBegun),
        onBroken: (detail) => {
          this.#verdict ??= detail;
          this.#isBroken = true;
        },
        onExit: (code, signal, error) => this.#gone(code, signal, error),
      });
    } catch (error) {
      // Out of processes, memory or descriptors: no job has been charged, and the owner waits.
      this.#gone(null, null, error as Error);
      return;
    }
    const { stdout, stderr } = this.#child;
    if (stdout) this.#output.read(stdout, 'stdout');
    if (stderr) this.#output.read(stderr, 'stderr');
    this.#patience = setTimeout(() => {
      this.#verdict ??= `it was not ready within ${readyWithinMs} ms`;
      this.#ladder.kill();
    }, readyWithinMs);
  }

  // Everything one read brought is handled before anything is passed on: the owner gets one batch.
  #receive(messages: readonly ChildMessage[], nowMs: number): void {
    const before = this.#held.running;
    try {
      for (const message of messages) this.#take(message, nowMs);
    } finally {
      this.#pass();
    }
    if (this.#held.running !== before) this.#deadline.arm(this.#held.running);
  }

  #take(message: ChildMessage, nowMs: number): void {
    if (message.kind === 'report') {
      this.#takeStep(message, nowMs);
      return;
    }
    if (this.#state !== 'loading') throw new ProtocolError('it started twice');
    if (message.kind === 'ready') {
      clearTimeout(this.#patience);
      this.#state = 'ready';
      this.#ready.resolve(message.handlers);
    } else {
      this.#verdict ??= message.message;
      this.#loadError = message.detail;
      this.#ladder.kill();
    }
  }

  #takeStep({ ended, begun, note, leaving }: Report, nowMs: number): void {
    if (note) this.events.onNote?.(this.#held.speaking(note.job).job, note.note);
    if (ended) this.#takeEnd(ended, nowMs);
    if (begun) {
      const held = this.#held.begin(begun.job, this.#child?.toOurClock(begun.atMs, nowMs) ?? 0);
      // It was canceled while it waited, and began before the child read so.
      if (held.fate?.kind === 'stopped' && held.fate.reason === 'killed')
        this.#killFor(held, held.fate);
      else if (held.fate) this.#decide(held, held.fate);
    }
    if (leaving !== undefined && this.#state === 'ready') {
      this.#state = 'leaving';
      this.events.onLeaving?.(leaving);
    }
    if (this.#state === 'leaving' && this.#held.size === 0) this.#waitAtMost(this.#options.graceMs);
  }

  #takeEnd({ job, outcome, tookMs: saidMs }: EndedReport, nowMs: number): void {
    const hasRun = outcome.kind !== 'notBegun' && outcome.kind !== 'stopped';
    const held = this.#held.end(job, hasRun);
    if (!held) return;
    const tookMs = Math.min(saidMs, nowMs - held.handedAtMs);
    if (hasRun) {
      this.#jobsDone += 1;
      this.#ladder.stepOff();
    }
    const ended = outcomeOf(held.fate, outcome, tookMs);
    // Its begin was put on our clock by what was known of the child's then: too late by as long as messages took.
    const latestMs = nowMs - tookMs;
    const beganAtMs = held.beganAtMs === null ? null : Math.min(held.beganAtMs, latestMs);
    this.#ended.push({ job: held.job, outcome: ended, beganAtMs, tookMs });
  }

  #pass(): void {
    const { running } = this.#held;
    const ended = this.#ended;
    this.#ended = [];
    if (ended.length > 0) this.events.onEnded(ended);
    if (running && !running.isAnnounced && running.beganAtMs !== null) {
      running.isAnnounced = true;
      this.events.onBegun?.([{ job: running.job, beganAtMs: running.beganAtMs }]);
    }
  }

  #deadlineCame(held: HeldJob, limitMs: number): void {
    // A child that blocks its thread cannot send; it may long be in another job.
    this.#child?.readJournal();
    if (held === this.#held.running) this.#decide(held, { kind: 'timedOut', limitMs });
  }

  #decide(running: HeldJob, fate: Fate): void {
    running.fate ??= fate;
    this.takeBack('the job before it had to be stopped');
    this.#ladder.climb();
  }

  #killFor(held: HeldJob, fate: Fate): void {
    held.fate ??= fate;
    if (held !== this.#held.running) return;
    this.#verdict ??= 'it was killed by a command';
    this.#ladder.kill();
  }

  #abortRunning(): void {
    const { running } = this.#held;
    if (!running) return;
    const { fate } = running;
    const reason = fate?.kind === 'stopped' ? fate.reason : 'timedOut';
    this.#child?.send({ kind: 'cancel', job: running.number, reason });
  }

  #terminate(): void {
    this.#verdict ??= 'its job did not end when asked';
    this.#child?.terminate();
    if (this.#state !== 'ready') return;
    this.#state = 'leaving';
    this.events.onLeaving?.(this.#verdict);
  }

  #gateClosed(lastBegun: number): void {
    const reason = this.#takingBack ?? 'taken back';
    this.#takingBack = null;
    const taken = this.#held.takeAbove(lastBegun);
    this.#child?.send({ kind: 'takeBack', above: lastBegun });
    this.#answer(
      taken.map(({ job }) => job),
      reason,
    );
  }

  // Ten times a second while jobs are here: what a busy child could not send, and what went wrong
  // without a word.
  #look(): void {
    this.#child?.readJournal();
    const { running } = this.#held;
    const first = this.#held.firstWaiting();
    if (this.#held.size === 0) {
      clearInterval(this.#looking);
      this.#looking = undefined;
    } else if (first && !running) {
      const { beginWithinMs } = this.#options;
      if (performance.now() - first.handedAtMs > beginWithinMs) {
        this.#verdict ??= `it began no job within ${beginWithinMs} ms`;
        this.#ladder.kill();
      }
    }
    const { maxRssBytes } = this.#options;
    const rss = maxRssBytes === Number.POSITIVE_INFINITY ? null : this.rssBytes();
    if (rss !== null && rss > maxRssBytes) {
      this.#verdict ??= `out of memory: ${rss} bytes resident, the limit is ${maxRssBytes}`;
      this.#ladder.kill();
    }
  }

  #waitAtMost(graceMs: number): void {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => {
      this.#stopRunning();
      this.#ladder.climb();
    }, graceMs);
  }

  #stopRunning(): void {
    this.#child?.readJournal();
    const { running } = this.#held;
    // It may be about to begin, or have begun, and the news be on its way: then it must not be charged with its end.
    const held = running ?? this.#held.firstWaiting();
    if (!held) return;
    held.fate ??= { kind: 'stopped', reason: 'shutdown' };
    if (!running) this.#child?.send({ kind: 'cancel', job: held.number, reason: 'shutdown' });
  }

  #gone(exitCode: number | null, signal: string | null, error: Error | null): void {
    if (this.#state === 'gone') return;
    const isClean = this.#state === 'new' || (exitCode === 0 && this.#state === 'leaving');
    this.#state = 'gone';
    this.#ladder.end();
    this.#deadline.clear();
    for (const timer of [this.#looking, this.#patience]) clearTimeout(timer);
    const verdict = error ? `it could not be spawned: ${error.message}` : this.#verdict;
    const death: Death = { exitCode, signal, verdict, stderr: this.#output.tail };
    // Somebody spoke out of turn. If nobody is known to run, it was most likely the next in line; and
    // to charge no one would let the same job break one child after the other, for ever.
    const running = this.#held.running ?? (this.#isBroken ? this.#held.firstWaiting() : null);
    this.#ended.push(...endedByDeath(this.#held.takeAll(), running, death));
    this.#pass();
    const detail = isClean ? '' : describeDeath(death);
    this.#ready.reject(
      new ExecutorStartError(
        describeDeath({ ...death, stderr: '' }),
        this.#loadError || this.#output.tail,
        error ? { cause: error } : undefined,
      ),
    );
    const exit = { exitCode, signal, isClean, detail };
    this.events.onExit?.(exit);
    this.#exit.resolve(exit);
  }

  #answer(jobs: readonly JobToRun[], reason: string): void {
    if (jobs.length === 0) return;
    const outcome = { kind: 'notBegun', reason } as const;
    this.events.onEnded(jobs.map((job) => ({ job, outcome, beganAtMs: null, tookMs: 0 })));
  }
}
