import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import {
  closeConnection,
  openBlockingConnection,
  openCommandConnection,
} from '../redis/connection.js';
import { failureKind } from '../redis/failure.js';
import { keys } from '../redis/keys.js';
import { cleanQueue } from '../redis/maintenance.js';
import { writeNote } from '../redis/transitions/note.js';
import {
  overdueLeases,
  recover,
  recoverIntermediate,
  tagLength,
} from '../redis/transitions/recover.js';
import {
  beat,
  registerBirth,
  registerDeath,
  type WorkerRecord,
} from '../redis/transitions/worker-life.js';
import { Intake } from '../streams/intake.js';
import { LeaseKeeper } from '../streams/lease-keeper.js';
import { WorkerNameTakenError, WorkerStartError } from './errors.js';
import type { Executor, ExecutorEvents, Note } from './executor/executor.js';
import { noLimitMs } from './executor-keeper.js';
import { type HeartbeaterMessage, heartbeater } from './heartbeater.js';
import { type JanitorHands, janitor } from './janitor.js';
import type { JobToRun } from './job-to-run.js';
import { ActorSystem } from './kernel/actor-system.js';
import type { ActorRef } from './kernel/behavior.js';
import { recorder, type Settled } from './recorder.js';
import { type SupervisorMessage, supervisor } from './supervisor.js';
import type { WorkerPlan } from './worker-options.js';

/** RQ keeps an idle worker's record for 480 s; ours is renewed often, so that a dead worker is gone sooner. */
const recordTtlSeconds = 90;
const recordEveryMs = 20_000;
const cleanEveryMs = 600_000;
/** How long a worker looks away from queues where everything waits for others. */
const longestRestMs = 250;
/** How long Redis may take to confirm the last outcomes when the worker leaves. */
const farewellMs = 5_000;

/** What a worker tells whoever runs it. All are called from its own loop and must not throw. */
export interface WorkerEvents {
  onReady?(names: readonly string[]): void;
  onStarted?(jobs: readonly JobToRun[]): void;
  onSettled?(settled: Settled): void;
  onOutput?(job: JobToRun | null, stream: 'stdout' | 'stderr', text: string): void;
  /** Something that an operator may have to see to; the worker goes on. */
  onTrouble?(error: unknown): void;
}

/** What a worker did in its life. */
export interface WorkerSummary {
  finished: number;
  failed: number;
  /** Ids of jobs that were still running when the worker had to leave without being able to hand them back. */
  left: readonly string[];
}

/**
 * A worker: takes jobs of its queues in strict order, has them run, and writes down how they ended. It is made
 * of actors; this is where they are put together, started and stopped.
 */
export class Worker {
  private readonly redis: Redis;
  private readonly intake: Intake;
  private readonly leases: LeaseKeeper;
  private readonly system: ActorSystem;
  private readonly record: WorkerRecord;
  private supervisor: ActorRef<SupervisorMessage> | null = null;
  private heartbeater: ActorRef<HeartbeaterMessage> | null = null;
  private readonly held = new Map<string, string>();
  private counts = { finished: 0, failed: 0 };
  private taken = 0;
  private uselessClaims = 0;
  private lastUselessMs = 0;
  private isResting = false;
  private wanted = { start: 0, hold: 0 };
  private stopping: Promise<WorkerSummary> | null = null;
  private graceEndsAt: { hurry(): void } | null = null;
  private onLeft: () => void = () => undefined;
  private onFirstReady: ((names: readonly string[]) => void) | null = null;
  private fatal: ((error: unknown) => void) | null = null;
  private resolveDone!: (summary: WorkerSummary) => void;
  private rejectDone!: (error: unknown) => void;

  /** Resolves once the worker has stopped, whoever asked for it; rejects when it had to give up. */
  readonly done: Promise<WorkerSummary>;

  constructor(
    readonly plan: WorkerPlan,
    private readonly makeExecutor: (plan: WorkerPlan, events: ExecutorEvents) => Executor,
    private readonly events: WorkerEvents = {},
  ) {
    this.done = new Promise((resolve, reject) => {
      this.resolveDone = resolve;
      this.rejectDone = reject;
    });
    this.done.catch(() => undefined); // Whoever never looks at `done` hears of it through `onTrouble`.
    this.redis = openCommandConnection(plan.url);
    const tag = randomBytes(tagLength / 2).toString('hex');
    const settings = {
      queues: plan.queues,
      worker: plan.name,
      tag,
      wire: plan.wire,
      burst: plan.burst,
    };
    const trouble = (error: unknown): void => this.trouble(error);
    this.leases = new LeaseKeeper(this.redis, settings, {
      onRevoked: (job, reason) =>
        this.supervisor?.tell({ kind: 'cancel', execution: job.execution, reason }),
      onTrouble: trouble,
    });
    this.intake = new Intake(this.redis, () => openBlockingConnection(plan.url), settings, {
      onTrouble: trouble,
      onClaimed: (jobs, left) => {
        this.uselessClaims = 0;
        this.taken += jobs.length;
        for (const job of jobs) this.held.set(job.execution, job.jobId);
        this.leases.keep(jobs);
        events.onStarted?.(jobs);
        this.heartbeater?.tell({ kind: 'state', state: 'busy' });
        this.supervisor?.tell({ kind: 'run', jobs, left });
        if (plan.maxJobs !== Number.POSITIVE_INFINITY) this.applyRoom();
      },
      onEmpty: () => {
        if (!plan.burst) this.restWhenUseless();
        else if (this.intake.held === 0) void this.stop();
      },
    });
    this.system = new ActorSystem({ onFatal: (error) => this.giveUp(error) });
    this.record = {
      name: plan.name,
      queues: plan.queues,
      state: 'idle',
      fields: {
        hostname: hostname(),
        pid: process.pid,
        ip_address: '',
        version: 'rxrq',
        python_version: `node ${process.versions.node}`,
      },
    };
  }

  /**
   * Comes up: registers, takes out its leases, starts the executors, and only then claims. Resolves with the
   * names of the handlers.
   *
   * @throws WorkerNameTakenError, WorkerStartError when the executors do not come up, what Redis throws
   */
  async start(): Promise<readonly string[]> {
    let isRegistered = false;
    try {
      if (!(await registerBirth(this.redis, this.record, recordTtlSeconds)))
        throw new WorkerNameTakenError(this.plan.name);
      isRegistered = true;
      await this.leases.start();
      const names = await this.spawnCast();
      this.events.onReady?.(names);
      return names;
    } catch (error) {
      if (isRegistered) {
        // Its name would be taken, and tools would list it, for as long as its record lives.
        await Promise.race([
          registerDeath(this.redis, this.record).catch(() => undefined),
          pause(1_000),
        ]);
      }
      await this.abandon();
      throw error;
    }
  }

  /**
   * Stops: no new jobs at once, unbegun ones go back, running ones have `graceMs` and then go back to the head
   * of their queues uncharged. A second call may only shorten the grace.
   */
  stop({ graceMs = this.plan.graceMs }: { graceMs?: number } = {}): Promise<WorkerSummary> {
    if (this.stopping) {
      if (graceMs === 0) this.graceEndsAt?.hurry();
      return this.stopping;
    }
    this.stopping = this.leave(graceMs);
    this.stopping.then(this.resolveDone, this.rejectDone);
    return this.stopping;
  }

  private async spawnCast(): Promise<readonly string[]> {
    const { plan, system } = this;
    const pen = {
      reportBegun: this.intake.reportBegun.bind(this.intake),
      settle: (settlement: Settlement) =>
        settlement.end.kind === 'pass'
          ? this.passOn(settlement, settlement.end)
          : this.intake.settle(settlement),
      release: (execution: string) => this.leases.release(execution),
    };
    const recorderRef = system.spawn(recorder(pen, (settled) => this.settled(settled)));
    return new Promise((resolve, reject) => {
      this.onFirstReady = resolve;
      this.fatal = (error) => reject(new WorkerStartError(error));
      this.supervisor = system.spawn(
        supervisor(recorderRef, {
          places: this.places(),
          concurrency: plan.concurrency,
          prefetch: plan.isolation === 'fork-per-job' ? 0 : plan.prefetch,
          maxJobs:
            plan.isolation === 'fork-per-job'
              ? 1
              : plan.isolation === 'inline'
                ? Number.POSITIVE_INFINITY
                : plan.maxJobsPerChild,
          maxRssBytes:
            plan.isolation === 'inline'
              ? Number.POSITIVE_INFINITY
              : plan.recycleAboveMiB * 1_048_576,
          makeExecutor: (executorEvents) => this.makeExecutor(plan, executorEvents),
          onNote: (job, note) => this.write(job, note),
          onOutput: (job, stream, text) => this.events.onOutput?.(job, stream, text),
          onExit: (exit) => {
            if (!exit.isClean && !this.stopping)
              this.trouble(new Error(`An executor left: ${exit.detail}`));
          },
          onStartFailed: (error) => {
            // Before anything ran it is the modules or the machine: whoever starts the worker wants to know at once.
            if (!this.onFirstReady) return;
            this.onFirstReady = null;
            this.fatal?.(error);
          },
          onReady: (names) => {
            this.onFirstReady?.(names);
            this.onFirstReady = null;
          },
          onRoom: (start, hold) => {
            this.wanted = { start, hold };
            this.applyRoom();
          },
          onLeft: () => this.onLeft(),
        }),
      );
      this.heartbeater = system.spawn(
        heartbeater({
          record: this.record,
          beat: (record) => beat(this.redis, record, recordTtlSeconds),
          everyMs: recordEveryMs,
          onTrouble: (error) => this.trouble(error),
        }),
      );
      system.spawn(janitor(this.janitorHands(), this.janitorSettings()));
    });
  }

  // One child ahead for each that may run: a child takes as long to start as many a job to run.
  private places(): number {
    if (this.plan.isolation === 'inline') return 1;
    return this.plan.isolation === 'fork-per-job'
      ? this.plan.concurrency * 2
      : this.plan.concurrency;
  }

  private applyRoom(): void {
    const more = this.plan.maxJobs - this.taken + this.intake.held;
    const start = Math.min(this.wanted.start, more);
    const hold = this.plan.maxJobs === Number.POSITIVE_INFINITY ? this.wanted.hold : 0;
    this.intake.setRoom(this.stopping ? 0 : start, this.stopping ? 0 : hold);
  }

  // Python's workers take one job at a time, and may take long to come to the ones that only they can run.
  private async passOn(settlement: Settlement, end: PassEnd): Promise<Verdict> {
    const isTheirs = await isServedByPython(this.redis, settlement.job.queue).catch(() => true);
    const limit = isTheirs ? Number.MAX_SAFE_INTEGER : end.limit;
    return this.intake.settle({ ...settlement, end: { ...end, limit } });
  }

  // Ids that wait for others end every blocking pop at once, and no claim brings anything.
  private restWhenUseless(): void {
    const now = performance.now();
    this.uselessClaims = now - this.lastUselessMs < 1_000 ? this.uselessClaims + 1 : 0;
    this.lastUselessMs = now;
    if (this.uselessClaims < 2 || this.isResting) return;
    this.isResting = true;
    this.applyRoom();
    const restMs = Math.min(10 * 2 ** Math.min(this.uselessClaims, 10), longestRestMs);
    setTimeout(() => {
      this.isResting = false;
      this.applyRoom();
    }, restMs).unref();
  }

  private settled(settled: Settled): void {
    this.held.delete(settled.job.execution);
    if (settled.verdict === 'finished') this.counts.finished += 1;
    if (settled.verdict === 'quarantined') this.counts.failed += 1;
    this.events.onSettled?.(settled);
    if (this.held.size > 0) return;
    this.heartbeater?.tell({ kind: 'state', state: 'idle' });
    if (this.taken >= this.plan.maxJobs) void this.stop();
  }

  private write(job: JobToRun, note: Note): void {
    const lines = (note.log ?? []).map(([level, line]) => ({ level, line }));
    if (note.dropped)
      lines.push({ level: 'warn', line: `${note.dropped} lines were dropped: too many at a time` });
    const told = {
      ...(note.meta && { meta: note.meta }),
      ...(note.progress !== undefined && { progress: note.progress }),
      lines,
    };
    writeNote(this.redis, this.plan.name, job, told, this.plan.wire).catch((error) =>
      this.trouble(error),
    );
  }

  private janitorHands(): JanitorHands {
    const { redis, plan } = this;
    return {
      overdue: (queue) => overdueLeases(redis, queue),
      recover: (queue, overdue) => recover(redis, queue, overdue, plan.wire),
      inFlight: async (queue) =>
        (await redis.callBuffer('LRANGE', keys.intermediate(queue), 0, 99)) as Buffer[],
      recoverInFlight: (queue, id) => recoverIntermediate(redis, queue, id),
      clean: async (queue) => {
        await cleanQueue(redis, queue);
      },
    };
  }

  private janitorSettings() {
    const { narrowLeaseMs } = this.plan.wire;
    return {
      queues: this.plan.queues,
      lookEveryMs: narrowLeaseMs / 8,
      cleanEveryMs,
      // A heartbeat and a little: a living owner has renewed by then.
      unchangedForMs: narrowLeaseMs / 4 + Math.min(1_000, narrowLeaseMs / 20),
      inFlightForMs: Math.min(10_000, narrowLeaseMs / 3),
      nowMs: () => performance.now(),
      onTrouble: (error: unknown) => this.trouble(error),
    };
  }

  private async leave(graceMs: number): Promise<WorkerSummary> {
    this.intake.setRoom(0, 0);
    const left = new Promise<void>((resolve) => {
      this.onLeft = resolve;
    });
    const grace = new Promise<void>((resolve) => {
      const timer = graceMs === Number.POSITIVE_INFINITY ? null : setTimeout(resolve, graceMs);
      this.graceEndsAt = {
        hurry: () => {
          if (timer) clearTimeout(timer);
          resolve();
        },
      };
      void left.then(() => timer && clearTimeout(timer));
    });
    this.supervisor?.tell({ kind: 'leave', graceMs: noLimitMs });
    void grace.then(() => this.supervisor?.tell({ kind: 'leave', graceMs: 0 }));
    await left;
    // Redis may be away; leases run out by themselves then.
    await Promise.race([this.intake.quiet().then(() => this.intake.idle()), pause(farewellMs)]);
    const remaining = [...this.held.values()];
    if (remaining.length === 0) {
      await Promise.race([
        registerDeath(this.redis, this.record).catch((error) => this.trouble(error)),
        pause(1_000),
      ]);
    }
    await this.abandon();
    return { ...this.counts, left: remaining };
  }

  private giveUp(error: unknown): void {
    if (this.onFirstReady) {
      this.onFirstReady = null;
      this.fatal?.(error);
      return;
    }
    this.trouble(error);
    if (this.stopping) return;
    // The executors do not come up any more: jobs that are held run elsewhere.
    this.intake.setRoom(0, 0);
    this.stopping = Promise.race([
      this.intake.quiet().then(() => this.intake.idle()),
      pause(farewellMs),
    ]).then(async () => {
      await Promise.race([
        registerDeath(this.redis, this.record).catch(() => undefined),
        pause(1_000),
      ]);
      await this.abandon();
      throw error;
    });
    this.stopping.then(this.resolveDone, this.rejectDone);
  }

  private async abandon(): Promise<void> {
    this.leases.stop();
    this.intake.close();
    await this.system.stop({ deadlineMs: 15_000 });
    closeConnection(this.redis);
  }

  private trouble(error: unknown): void {
    if (failureKind(error) === 'transient' && this.stopping) return;
    this.events.onTrouble?.(error);
  }
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
