import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import type { Casualty } from '../redis/casualties.js';
import {
  clientAddress,
  closeConnection,
  openBlockingConnection,
  openCommandConnection,
  whyUnavailable,
} from '../redis/connection.js';
import { failureKind } from '../redis/failure.js';
import { saveMetaBytes } from '../redis/job-store.js';
import { freeMore } from '../redis/transitions/free-dependents.js';
import { writeNote } from '../redis/transitions/note.js';
import { tagLength } from '../redis/transitions/recover.js';
import type { ClaimedJob } from '../redis/transitions/settlement.js';
import {
  beat,
  recordEveryMs,
  recordTtlSeconds,
  registerBirth,
  registerDeath,
  registerShutdown,
  type WorkerRecord,
} from '../redis/transitions/worker-life.js';
import { CommandInbox } from '../streams/command-inbox.js';
import { Intake } from '../streams/intake.js';
import { LeaseKeeper } from '../streams/lease-keeper.js';
import type { CalledJob } from './callbacks.js';
import { heedDurability } from './durability.js';
import { CommandNotObeyedError, ExecutorLostError, WorkerNameTakenError } from './errors.js';
import { deferred } from './executor/deferred.js';
import type { Executor, ExecutorEvents, Note } from './executor/executor.js';
import { noLimitMs } from './executor-keeper.js';
import { farewell, type Leaver } from './farewell.js';
import type { Grace } from './grace.js';
import { heartbeater } from './heartbeater.js';
import { IdleWatch } from './idle-watch.js';
import { janitor } from './janitor.js';
import { janitorHands, janitorTimes } from './janitor-hands.js';
import { jobNoteOf } from './job-note.js';
import type { JobToRun } from './job-to-run.js';
import { ActorSystem } from './kernel/actor-system.js';
import type { ActorRef, Supervision } from './kernel/behavior.js';
import { type Obedient, obey } from './obey.js';
import { commandFilter, refusal } from './obeyed-commands.js';
import { poolOf } from './pool.js';
import { type RecorderMessage, recorder, type Settled } from './recorder.js';
import { Repetitions } from './repetitions.js';
import { type Rescue, rescueFor } from './rescue.js';
import { scheduler } from './scheduler.js';
import { type SchedulerHands, schedulerHands, schedulerTimes } from './scheduler-hands.js';
import { type SupervisorMessage, supervisor } from './supervisor.js';
import { broomOf, sweeper } from './sweeper.js';
import { Tally } from './tally.js';
import { webhookFilter } from './webhook-hosts.js';
import { requestStatus } from './webhook-request.js';
import { WebhookSender } from './webhook-sender.js';
import type { WorkerEvents } from './worker-events.js';
import type { WorkerPlan } from './worker-options.js';

export type MakeExecutor = (plan: WorkerPlan, events: ExecutorEvents) => Executor;

export interface CastEvents extends Required<WorkerEvents> {
  /** There is nothing left to do: the queues of a burst are empty, or `maxJobs` have ended. */
  onDone(): void;
  /** Somebody asked for it with a command. */
  onShutdown(): void;
  /** It was up, and nobody runs or records jobs any more. */
  onFatal(error: unknown): void;
}

/** A restarted janitor has lost nothing; a restarted recorder would have lost outcomes. */
const supervision: Supervision = {
  // All was handed over by then, and each may wait for a Redis that is gone: one after the other would add up.
  stopOrder: 'together',
  directiveFor: (_, { path }) =>
    path === '/supervisor' || path === '/recorder' ? 'escalate' : 'restart',
};

/**
 * A worker's actors and their ways to Redis: who they are, and who tells what to whom. Jobs come in through the
 * intake and go to the supervisor; outcomes go from its executors to the recorder and back to the intake.
 */
export class Cast implements Leaver {
  private readonly redis: Redis;
  private readonly leases: LeaseKeeper;
  private readonly intake: Intake;
  private readonly inbox: CommandInbox;
  private readonly tally: Tally;
  private readonly idleWatch: IdleWatch;
  private readonly webhooks: WebhookSender;
  private readonly repetitions = new Repetitions();
  private readonly system: ActorSystem;
  private readonly recorder: ActorRef<RecorderMessage>;
  private readonly record: WorkerRecord;
  private readonly ready = deferred<readonly string[]>();
  private registered: Promise<boolean> = Promise.resolve(false);
  private isUp = false;
  private isSuspended = false;
  private isLeaving = false;
  /** Of a burst: the last claim found nothing, and nothing is in hand. */
  private foundNothing = false;
  private readonly rescue: Rescue;
  private readonly schedule: SchedulerHands | null;
  private scheduler: ActorRef<never> | null = null;
  supervisor: ActorRef<SupervisorMessage> | null = null;

  constructor(
    private readonly plan: WorkerPlan,
    private readonly makeExecutor: MakeExecutor,
    private readonly events: CastEvents,
  ) {
    const { url, name: worker, queues, wire, burst, order } = plan;
    const tag = randomBytes(tagLength / 2).toString('hex');
    const settings = { queues, worker, tag, wire, burst, order };
    const onTrouble = (error: unknown): void => this.trouble(error);
    this.record = recordOf(plan);
    this.webhooks = new WebhookSender(
      (error) => this.events.onTrouble(error),
      requestStatus,
      webhookFilter(plan.webhooks),
    );
    this.redis = openCommandConnection(url, worker);
    this.rescue = rescueFor(this.redis, wire, (casualty) => this.fell(casualty));
    this.schedule = plan.scheduler ? schedulerHands(this.redis, queues, wire) : null;
    this.leases = new LeaseKeeper(this.redis, settings, {
      onRevoked: ({ execution }, reason) =>
        this.supervisor?.tell({ kind: 'cancel', execution, reason }),
      onTrouble,
    });
    this.intake = new Intake(this.redis, () => openBlockingConnection(url), settings, {
      onClaimed: (jobs, left) => this.claimed(jobs, left),
      onCasualty: (casualty) => this.fell(casualty),
      onEmpty: () => this.empty(),
      onPaused: (paused) => this.paused(paused?.isSuspended ?? false),
      onTrouble,
    });
    this.idleWatch = new IdleWatch(
      plan.maxIdleSeconds * 1_000,
      () => !this.isUp || this.isSuspended || this.tally.isBusy,
      () => events.onDone(),
    );
    const isObeyed = commandFilter(plan.commands);
    this.inbox = new CommandInbox(this.redis, openCommandConnection(url), worker, {
      onCommand: (command) =>
        isObeyed(command) ? obey(this.obedient, command) : this.refuse(command.command),
      onTrouble,
    });
    this.tally = new Tally(plan.maxJobs, (start, hold) => this.intake.setRoom(start, hold));
    // It may be rejected before anybody waits for it.
    this.ready.promise.catch(() => undefined);
    this.system = new ActorSystem({ supervision, onFatal: (error) => this.fatal(error) });
    this.system.events$.subscribe((event) => {
      if (event.kind === 'crashed' && event.directive === 'restart') this.trouble(event.error);
    });
    this.recorder = this.system.spawn(this.makeRecorder());
    // Jobs for an actor that is gone were claimed in vain; nobody else would give them back.
    this.system.deadLetters$.subscribe(({ message }) => this.giveBackUnread(message));
  }

  /**
   * Registers, takes out the leases, starts the executors; only then does it claim. Resolves with the names of
   * the handlers.
   *
   * @throws NotDurableError, WorkerNameTakenError, RedisUnavailableError, ExecutorStartError, what else Redis or an
   * inline runtime throws
   */
  async enter(): Promise<readonly string[]> {
    const heeded = heedDurability(this.redis, this.plan.durability, (error) => this.trouble(error));
    await this.reaching('look at its settings', heeded);
    if (this.isLeaving) return this.ready.promise;
    this.registered = this.register();
    if (!(await this.reaching('register the worker', this.registered)))
      throw new WorkerNameTakenError(this.plan.name);
    if (!this.isLeaving) await this.reaching('take out its leases', this.leases.start());
    if (this.plan.burst && this.schedule && !this.isLeaving)
      await this.reaching('move scheduled jobs', this.schedule.moveAllDue());
    // With the leases' heartbeat: no oftener has anybody to look for what was not heard.
    if (!this.isLeaving) await this.inbox.start(this.plan.wire.narrowLeaseMs / 4);
    if (this.isLeaving) return this.ready.promise;
    this.supervisor = this.system.spawn(this.makeSupervisor());
    this.system.spawn(this.makeHeartbeater());
    this.system.spawn(this.makeJanitor());
    this.system.spawn(this.makeSweeper());
    if (this.schedule) this.scheduler = this.system.spawn(this.makeScheduler(this.schedule));
    return this.ready.promise;
  }

  /** Leaves: no new jobs, running ones have the grace. Resolves when all is down; never rejects. */
  async leave(grace: Grace): Promise<Tally['summary']> {
    if (!this.isLeaving && this.tally.isBusy)
      registerShutdown(this.redis, this.plan.name).catch((error) => this.trouble(error));
    this.isLeaving = true;
    this.idleWatch.stop();
    this.ready.reject(new Error('it was stopped while it started'));
    this.tally.close();
    const report = await this.system.stop({
      deadlineMs: noLimitMs,
      phases: farewell(this, grace),
    });
    for (const { error } of report.failed) this.trouble(error);
    return this.tally.summary;
  }

  async confirm(): Promise<void> {
    this.recorder.tell({ kind: 'hurry' });
    await this.intake.quiet();
    await this.intake.idle();
    await this.webhooks.leave();
  }

  async deregister(): Promise<void> {
    const isRegistered = await this.registered.catch(() => false);
    if (!isRegistered) return;
    await registerDeath(this.redis, this.record);
    await this.scheduler?.stop();
    await this.schedule?.release();
    // With something held the lease must run out, or nobody would find what is left.
    if (this.intake.isIdle()) await this.leases.leave();
  }

  hangUp(): void {
    this.leases.stop();
    this.intake.close();
    this.inbox.close();
    closeConnection(this.redis);
  }

  private readonly obedient: Obedient = {
    inHand: () => this.tally.jobs,
    cancel: (execution, reason) => this.supervisor?.tell({ kind: 'cancel', execution, reason }),
    renewLeases: () => void this.leases.renewAll(),
    state: () => this.state(),
    shutdown: () => this.events.onShutdown(),
  };

  private refuse(command: string): typeof refusal {
    const refused = new CommandNotObeyedError(command);
    // Whoever may send one may send them without end.
    if (this.repetitions.isNews(refused.message)) this.events.onTrouble(refused);
    return refusal;
  }

  private state(): WorkerRecord['state'] {
    return this.tally.isBusy ? 'busy' : this.isSuspended ? 'suspended' : 'idle';
  }

  private async register(): Promise<boolean> {
    this.record.fields.ip_address = await clientAddress(this.redis);
    return registerBirth(this.redis, this.record, recordTtlSeconds);
  }

  private makeRecorder() {
    const { intake, leases, tally } = this;
    return recorder(
      {
        reportBegun: (job, beganAtMs) => intake.reportBegun(job, beganAtMs),
        settle: (settlement, onVerdict) => {
          intake.settle(settlement, onVerdict);
          // In the same turn: the next claim must know of it.
          tally.ended(settlement.end);
        },
        release: (execution) => leases.release(execution),
      },
      {
        onSettled: (settled) => this.settled(settled),
        onParked: (count) => tally.park(count),
        onCallback: (job, isLate) => this.callBack(job, isLate),
        onCalledBack: (execution) => this.calledBack(execution),
        // Not about Redis, whatever words it says.
        onTrouble: (error) => this.events.onTrouble(error),
      },
    );
  }

  private makeSupervisor() {
    const { plan, events } = this;
    return supervisor(this.recorder, {
      ...poolOf(plan),
      nowMs: () => performance.now(),
      makeExecutor: (executorEvents) => this.makeExecutor(plan, executorEvents),
      onNote: (job, note) => this.note(job, note),
      onOutput: events.onOutput,
      onExit: (slot, exit) => {
        if (!exit.isClean) this.trouble(new ExecutorLostError(slot, exit));
      },
      onReady: (names) => {
        this.isUp = true;
        this.ready.resolve(names);
      },
      onRoom: (start, hold) => this.tally.want(start, hold),
    });
  }

  private makeHeartbeater() {
    return heartbeater({
      record: this.record,
      beat: (record) => beat(this.redis, record, recordTtlSeconds),
      state: () => this.state(),
      currentJob: () => (this.plan.publishCurrentJob ? (this.tally.oldest?.jobId ?? null) : null),
      everyMs: recordEveryMs,
      onTrouble: (error) => this.trouble(error),
    });
  }

  private makeJanitor() {
    const { queues, wire } = this.plan;
    return janitor(janitorHands(this.redis, wire, this.rescue), {
      ...janitorTimes(wire),
      queues,
      nowMs: () => performance.now(),
      onTrouble: (error) => this.trouble(error),
    });
  }

  private makeSweeper() {
    const { wire } = this.plan;
    const { lookEveryMs, cleanEveryMs, unchangedForMs } = janitorTimes(wire);
    return sweeper(broomOf(this.redis, wire, this.rescue), {
      firstAfterMs: lookEveryMs,
      everyMs: cleanEveryMs,
      confirmAfterMs: unchangedForMs,
      onTrouble: (error) => this.trouble(error),
    });
  }

  private makeScheduler({ look }: SchedulerHands) {
    return scheduler({
      ...schedulerTimes,
      look,
      nowMs: () => performance.now(),
      onTrouble: (error) => this.trouble(error),
    });
  }

  private claimed(jobs: readonly ClaimedJob[], left: number): void {
    this.foundNothing = false;
    this.tally.claimed(jobs);
    this.idleWatch.busy();
    this.leases.keep(jobs);
    this.events.onStarted(jobs);
    this.supervisor?.tell({ kind: 'run', jobs, left });
  }

  private empty(): void {
    // With nothing waiting there is nothing to claim ahead.
    this.supervisor?.tell({ kind: 'run', jobs: [], left: 0 });
    // An outcome under way may put its job back, and is followed by another look.
    this.foundNothing = this.plan.burst && this.intake.isIdle();
    if (this.foundNothing && !this.tally.isLending) void this.endBurst();
  }

  // What waits for one job is released a hundred at a time, and the rest by a janitor, for whom a burst does not wait.
  private async endBurst(): Promise<void> {
    try {
      if (await freeMore(this.redis, this.plan.wire)) return this.intake.claimAgain();
    } catch (error) {
      this.trouble(error);
      // Once Redis is back it is told again that there is nothing.
      if (failureKind(error) === 'transient') return this.intake.claimAgain();
    }
    if (this.foundNothing && !this.tally.isLending) this.events.onDone();
  }

  private paused(isSuspended: boolean): void {
    if (isSuspended === this.isSuspended) return;
    this.isSuspended = isSuspended;
    this.events.onSuspended(isSuspended);
  }

  private settled(settled: Settled): void {
    this.tally.settled(settled);
    this.idleWatch.busy();
    if (settled.job.afterwards) this.webhooks.settled(settled);
    this.events.onSettled(settled);
    if (this.tally.isDone) this.events.onDone();
  }

  private fell({ job, error: { name, message }, isForGood }: Casualty): void {
    const error = { name, message, stack: `${name}: ${message}` };
    const outcome = { kind: 'threw', error, retryable: !isForGood } as const;
    if (isForGood) this.webhooks.settled({ job, outcome, verdict: 'quarantined', tookMs: 0 });
    // At once, or a burst would be over before the recorder has read it.
    if (job.afterwards?.callbacks?.failure) this.tally.lend(job.execution);
    this.recorder.tell({ kind: 'fell', job, outcome });
  }

  private calledBack(execution: string): void {
    this.supervisor?.tell({ kind: 'calledBack', execution });
    this.tally.giveBack(execution);
    if (this.foundNothing && !this.tally.isLending) this.empty();
  }

  private callBack(job: CalledJob, isLate: boolean): void {
    if (isLate) this.tally.lend(job.execution);
    if (this.supervisor) this.supervisor.tell({ kind: 'callBack', job });
    else this.recorder.tell({ kind: 'uncalled', job });
  }

  private note(job: JobToRun, note: Note): void {
    const { name, wire } = this.plan;
    // Its callbacks begin with the meta that it saved last.
    if (note.meta) job.meta = note.meta;
    if (job.callback && !this.tally.holds(job.execution)) {
      // Its job was settled before, and no lease speaks for it any more. RQ's callbacks save as well.
      if (note.meta)
        saveMetaBytes(this.redis, job.jobId, note.meta).catch((error) => this.trouble(error));
      return;
    }
    writeNote(this.redis, name, job, jobNoteOf(note), wire).catch((error) => this.trouble(error));
  }

  private giveBackUnread(message: unknown): void {
    const { kind, jobs, job } = message as {
      kind?: unknown;
      jobs?: readonly ClaimedJob[];
      job?: CalledJob;
    };
    if (kind === 'callBack' && job) this.recorder.tell({ kind: 'uncalled', job });
    if (kind !== 'run' || !jobs) return;
    const outcome = { kind: 'notBegun', reason: 'the worker is leaving' } as const;
    const ended = jobs.map((job) => ({ job, outcome, beganAtMs: null, tookMs: 0 }));
    this.recorder.tell({ kind: 'ended', ended });
  }

  private fatal(error: unknown): void {
    if (this.isUp) this.events.onFatal(error);
    else this.ready.reject(error as Error);
  }

  /** @throws in place of what the connection throws: RedisUnavailableError, or that Redis refuses the database */
  private async reaching<T>(operation: string, asked: Promise<T>): Promise<T> {
    const sinceMs = performance.now();
    try {
      return await asked;
    } catch (cause) {
      if (failureKind(cause) !== 'transient') throw cause;
      const afterMs = Math.round(performance.now() - sinceMs);
      throw whyUnavailable(this.redis, operation, afterMs, cause);
    }
  }

  private trouble(error: unknown): void {
    const kind = failureKind(error);
    // Whatever Redis does while we hang up is no news.
    if (this.isLeaving && kind === 'transient') return;
    if (kind === 'bug' || this.repetitions.isNews(String(error))) this.events.onTrouble(error);
  }
}

const recordOf = ({ name, queues }: WorkerPlan): WorkerRecord => ({
  name,
  queues,
  // What it is doing is told with the first look.
  state: 'started',
  fields: {
    hostname: hostname(),
    pid: process.pid,
    ip_address: '',
    version: 'rxrq',
    python_version: `node ${process.versions.node}`,
  },
});
