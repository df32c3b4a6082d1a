import type { ClaimedJob } from '../redis/transitions/settlement.js';
import type { CalledJob } from './callbacks.js';
import { deal } from './deal.js';
import type { Ended, ExecutorExit, StopReason } from './executor/executor.js';
import {
  executorKeeper,
  type KeeperMessage,
  type KeeperReport,
  type KeeperSettings,
  noLimitMs,
} from './executor-keeper.js';
import type { ActorContext, ActorRef, ActorSpec, TimerHandle } from './kernel/behavior.js';
import { type Prefetch, Rate } from './prefetch.js';
import type { RecorderMessage } from './recorder.js';

export type SupervisorMessage =
  /** Claimed jobs, and how many more wait in Redis. */
  | { kind: 'run'; jobs: readonly ClaimedJob[]; left: number }
  /** A job that has ended is to run once more, for a callback. Its place is kept for that. */
  | { kind: 'callBack'; job: CalledJob }
  /** … and now it is not any longer. */
  | { kind: 'calledBack'; execution: string }
  | { kind: 'cancel'; execution: string; reason: StopReason }
  /** Jobs that have not begun go back; the running ones have so long, then they are stopped. Then it ends. */
  | { kind: 'leave'; graceMs: number }
  | { kind: 'look' }
  | KeeperReport;

export interface SupervisorSettings extends KeeperSettings {
  /** How many executors are kept. */
  places: number;
  /** How many jobs may run at a time. */
  concurrency: number;
  prefetch: Prefetch;
  /** Monotonic. */
  nowMs(): number;
  /** Called whenever it changes how many jobs may run, and how many more be held. */
  onRoom(start: number, hold: number): void;
  onReady(names: readonly string[]): void;
  onExit(slot: number, exit: ExecutorExit): void;
}

/** A place for an executor, as its keeper tells of it. */
interface Place {
  readonly keeper: ActorRef<KeeperMessage>;
  /** `down`: nobody there, or not yet. `emptying`: takes no more jobs. */
  state: 'down' | 'up' | 'emptying' | 'left';
  concurrency: number;
  /** Jobs handed to the keeper that have not come back as ended. */
  held: number;
  /** Nothing may get between a job that it runs and the callbacks of that job. */
  isClosed: boolean;
  /** It is to leave, once the callbacks of its jobs have run. */
  isLingering: boolean;
  movedAtMs: number;
}

const lookEveryMs = 100;
/** An unbegun job behind a running one goes back after this long without anything ending there. */
const patienceMs = 150;
/** No job joins one that has run for so long already. */
const stuckMs = 50;
/** With no executor to be had (all are being replaced), others should run the jobs. */
const downPatienceMs = 5_000;

/**
 * Owns the executors: says how many jobs there is room for, deals claimed jobs out, and gives back what
 * turns out to wait. What becomes of a job is the recorder's.
 */
export const supervisor = (
  recorder: ActorRef<RecorderMessage>,
  settings: SupervisorSettings,
): ActorSpec<SupervisorMessage> => {
  let wasEverUp = false;
  const onReady = (names: readonly string[]): void => {
    wasEverUp = true;
    settings.onReady(names);
  };
  return {
    name: 'supervisor',
    mailbox: { capacity: 1_000_000, overflow: 'reject' },
    supervision: {
      stopOrder: 'together',
      // What never came up will not: a module that does not load fails the start at once.
      directiveFor: () => (wasEverUp ? 'restart' : 'escalate'),
    },
    behavior: (context) => new Supervisor(context, recorder, { ...settings, onReady }),
  };
};

class Supervisor {
  private readonly places: Place[] = [];
  private readonly rate = new Rate();
  /** Claimed jobs that no executor has yet, and since when the first one waits. */
  private backlog: readonly ClaimedJob[] = [];
  private waitingSinceMs = 0;
  /** Jobs that were handed out and may still have a callback to run, and where. */
  private readonly owing = new Map<string, Place>();
  /** Callbacks that wait for an executor to come up. */
  private readonly calls: CalledJob[] = [];
  private leftInRedis = 0;
  private isLeaving = false;
  private room = { start: -1, hold: -1 };
  private looking: TimerHandle | null = null;

  constructor(
    private readonly context: ActorContext<SupervisorMessage>,
    private readonly recorder: ActorRef<RecorderMessage>,
    private readonly settings: SupervisorSettings,
  ) {}

  started(): void {
    const audience = { supervisor: this.context.self, recorder: this.recorder };
    for (let slot = 0; slot < this.settings.places; slot++) {
      const keeper = this.context.spawn(executorKeeper(slot, audience, this.settings));
      const place = { keeper, concurrency: 1, held: 0, isClosed: false, isLingering: false };
      this.places.push({ ...place, state: 'down', movedAtMs: 0 });
    }
  }

  receive(message: SupervisorMessage): void {
    switch (message.kind) {
      case 'run':
        this.run(message.jobs, message.left);
        break;
      case 'callBack':
        this.callBack(message.job);
        break;
      case 'calledBack':
        this.calledBack(message.execution);
        break;
      case 'cancel':
        this.cancel(message.execution, message.reason);
        break;
      case 'look':
        this.look();
        break;
      case 'leave':
        this.leave(message.graceMs);
        break;
      default:
        this.heed(this.places[message.slot] as Place, message);
    }
    this.tellRoom();
  }

  /** Its children are gone by now, and have told the recorder of their jobs. */
  stopping(): void {
    this.giveBackBacklog('the worker is leaving');
    this.giveUpCalls();
  }

  private run(jobs: readonly ClaimedJob[], left: number): void {
    this.leftInRedis = left;
    if (jobs.length === 0) return;
    if (this.backlog.length === 0) this.waitingSinceMs = this.settings.nowMs();
    this.backlog = this.backlog.length === 0 ? jobs : [...this.backlog, ...jobs];
    if (this.isLeaving) {
      this.giveBackBacklog('the worker is leaving');
      return;
    }
    this.looking ??= this.context.every(lookEveryMs, { kind: 'look' });
    this.handOut();
  }

  private heed(place: Place, report: KeeperReport): void {
    switch (report.kind) {
      case 'ready':
        place.state = 'up';
        place.concurrency = report.concurrency;
        this.settings.onReady(report.names);
        this.handOut();
        break;
      case 'begun':
        place.movedAtMs = this.settings.nowMs();
        break;
      case 'ended':
        this.ended(place, report.ended);
        break;
      case 'worn':
        if (place.state !== 'up') break;
        place.state = 'emptying';
        // Behind all jobs that were handed over: none of them has to go back.
        place.keeper.tell({ kind: 'replace' });
        break;
      case 'unready':
        if (place.state === 'up') place.state = 'emptying';
        break;
      case 'exited':
        place.state = 'down';
        this.settings.onExit(report.slot, report.exit);
        break;
      case 'left':
        place.state = 'left';
        if (this.places.every(({ state }) => state === 'left')) this.context.end();
        break;
    }
  }

  private ended(place: Place, ended: readonly Ended[]): void {
    place.held -= ended.length;
    let tookMs = 0;
    let ran = 0;
    for (const one of ended) {
      // Its place is kept until the recorder has had the last of it.
      if (this.owing.get(one.job.execution) === place) place.held += 1;
      if (one.beganAtMs === null) continue;
      tookMs += one.tookMs;
      ran += 1;
    }
    if (ran > 0) {
      place.movedAtMs = this.settings.nowMs();
      this.rate.ended(ran, tookMs, place.movedAtMs);
    }
    this.handOut();
  }

  private handOut(): void {
    // Jobs that have only to be told of come before those that have yet to begin.
    if (this.calls.length > 0) for (const job of this.calls.splice(0)) this.callBack(job);
    if (this.backlog.length === 0) return;
    const nowMs = this.settings.nowMs();
    const window = this.settings.prefetch === 0 ? 1 : this.rate.window();
    let dealt = 0;
    const takers = this.places.filter(({ state, held, concurrency, movedAtMs }) => {
      const isStuck = concurrency === 1 && held > 0 && nowMs - movedAtMs > stuckMs;
      return state === 'up' && !isStuck;
    });
    for (const [place, jobs] of deal(this.backlog, takers, window, mayCallBack)) {
      if (place.held === jobs.length) place.movedAtMs = nowMs;
      for (const job of jobs) if (mayCallBack(job)) this.owing.set(job.execution, place);
      dealt += jobs.length;
      place.keeper.tell({ kind: 'run', jobs });
    }
    if (dealt === 0) return;
    this.backlog = this.backlog.slice(dealt);
    this.waitingSinceMs = nowMs;
  }

  private callBack(job: CalledJob): void {
    const kept = this.owing.get(job.execution);
    const canRun = (one: Place) => one.state === 'up' && (!this.isLeaving || one.isLingering);
    const place =
      kept && canRun(kept)
        ? kept
        : this.places.find((one) => canRun(one) && !one.isClosed && one.held < one.concurrency);
    if (!place) {
      this.calls.push(job);
      // Nobody comes up any more.
      if (this.isLeaving && !this.places.some(({ isLingering }) => isLingering)) this.giveUpCalls();
      return;
    }
    if (place !== kept) {
      place.held += 1;
      place.isClosed = place.concurrency === 1;
      this.owing.set(job.execution, place);
      if (kept) this.letGo(kept);
    }
    place.keeper.tell({ kind: 'run', jobs: [job] });
  }

  private calledBack(execution: string): void {
    const place = this.owing.get(execution);
    if (!place) return;
    this.owing.delete(execution);
    this.letGo(place);
    this.handOut();
  }

  private letGo(place: Place): void {
    place.held -= 1;
    place.isClosed = false;
    if (!place.isLingering || [...this.owing.values()].includes(place)) return;
    place.isLingering = false;
    place.keeper.tell({ kind: 'leave', graceMs: noLimitMs });
  }

  private giveUpCalls(): void {
    for (const job of this.calls.splice(0)) this.recorder.tell({ kind: 'uncalled', job });
  }

  private cancel(execution: string, reason: StopReason): void {
    const job = this.backlog.find((waiting) => waiting.execution === execution);
    if (!job) {
      for (const { keeper } of this.places) keeper.tell({ kind: 'cancel', execution, reason });
      return;
    }
    // There is no process yet that could be killed.
    if (reason === 'killed') return;
    this.backlog = this.backlog.filter((waiting) => waiting !== job);
    const outcome = { kind: 'stopped', reason } as const;
    this.recorder.tell({ kind: 'ended', ended: [{ job, outcome, beganAtMs: null, tookMs: 0 }] });
  }

  private look(): void {
    const nowMs = this.settings.nowMs();
    let inHand = this.backlog.length;
    for (const { state, held, concurrency, movedAtMs, keeper } of this.places) {
      inHand += held;
      if (state === 'up' && held > concurrency && nowMs - movedAtMs > patienceMs) {
        keeper.tell({ kind: 'takeBack', reason: 'it waited behind a long job' });
        // Or the same jobs would be claimed again at once, only to go back again.
        this.rate.stalled();
      }
    }
    const isUp = this.places.some(({ state }) => state === 'up');
    if (
      this.backlog.length > 0 &&
      nowMs - this.waitingSinceMs > (isUp ? patienceMs : downPatienceMs)
    ) {
      this.giveBackBacklog('no executor was free');
      this.rate.stalled();
    }
    if (inHand > 0) return;
    this.looking?.cancel();
    this.looking = null;
  }

  private leave(graceMs: number): void {
    this.isLeaving = true;
    // Before the children give back what is older: each goes to the head of its queue.
    this.giveBackBacklog('the worker is leaving');
    const owing = graceMs > 0 ? new Set(this.owing.values()) : null;
    for (const place of this.places) {
      place.isLingering = owing?.has(place) === true;
      if (place.isLingering)
        place.keeper.tell({ kind: 'takeBack', reason: 'the worker is leaving' });
      else place.keeper.tell({ kind: 'leave', graceMs });
    }
    if (!owing) this.giveUpCalls();
  }

  private giveBackBacklog(reason: string): void {
    if (this.backlog.length === 0) return;
    const outcome = { kind: 'notBegun', reason } as const;
    const ended = this.backlog.map((job) => ({ job, outcome, beganAtMs: null, tookMs: 0 }));
    this.backlog = [];
    this.recorder.tell({ kind: 'ended', ended });
  }

  private tellRoom(): void {
    let able = 0;
    for (const { state, concurrency, held } of this.places) {
      able += state === 'up' ? concurrency : held;
    }
    const start = this.isLeaving ? 0 : Math.min(this.settings.concurrency, able);
    const hold = start === 0 || this.settings.prefetch === 0 ? 0 : this.rate.hold(this.leftInRedis);
    if (start === this.room.start && hold === this.room.hold) return;
    this.room = { start, hold };
    this.settings.onRoom(start, hold);
  }
}

const mayCallBack = ({ afterwards }: ClaimedJob): boolean =>
  afterwards !== undefined && afterwards.callbacks !== null;
