import type { ClaimedJob } from '../redis/transitions/settlement.js';
import type { Ended, ExecutorExit, StopReason } from './executor/executor.js';
import {
  executorKeeper,
  type KeeperMessage,
  type KeeperReport,
  type KeeperSettings,
} from './executor-keeper.js';
import type { ActorContext, ActorRef, ActorSpec } from './kernel/behavior.js';
import { type Prefetch, Rate } from './prefetch.js';
import type { RecorderMessage } from './recorder.js';

export type SupervisorMessage =
  | { kind: 'run'; jobs: readonly ClaimedJob[]; left: number }
  | { kind: 'cancel'; execution: string; reason: StopReason }
  /** Jobs that have not begun go back; the running ones have so long, then they are stopped. */
  | { kind: 'leave'; graceMs: number }
  | { kind: 'look' }
  | KeeperReport;

export interface SupervisorSettings extends KeeperSettings {
  /** How many executors are kept. */
  places: number;
  /** How many jobs may run at a time. */
  concurrency: number;
  prefetch: Prefetch;
  /** Called whenever it changes how many jobs may run and be held. */
  onRoom(start: number, hold: number): void;
  onReady(names: readonly string[]): void;
  onExit(exit: ExecutorExit): void;
  /** All executors have left. */
  onLeft(): void;
}

interface Place {
  keeper: ActorRef<KeeperMessage>;
  concurrency: number;
  ready: boolean;
  held: number;
  movedMs: number;
}

const lookEveryMs = 100;
/** An unbegun job behind a running one goes back after this long without anything ending there. */
const patienceMs = 150;

/**
 * Owns the executors: says how many jobs there is room for, hands claimed jobs to whoever has the fewest, and
 * gives back what turns out to wait. The children's family is all here; what becomes of a job is the
 * recorder's.
 */
export const supervisor = (
  recorder: ActorRef<RecorderMessage>,
  settings: SupervisorSettings,
): ActorSpec<SupervisorMessage> => ({
  name: 'supervisor',
  mailbox: { capacity: 1_000_000, overflow: 'reject' },
  shutdownMs: 15_000,
  supervision: { stopOrder: 'together' },
  behavior: (context) => new Supervisor(context, recorder, settings),
});

class Supervisor {
  private readonly places: Place[] = [];
  private readonly rate = new Rate();
  /** Claimed jobs that no executor has yet, and since when the first waits. */
  private backlog: ClaimedJob[] = [];
  private waitingSinceMs = 0;
  private leftInRedis = 0;
  private isLeaving = false;
  private room = '';

  constructor(
    private readonly context: ActorContext<SupervisorMessage>,
    private readonly recorder: ActorRef<RecorderMessage>,
    private readonly settings: SupervisorSettings,
  ) {}

  started(): void {
    for (let slot = 0; slot < this.settings.places; slot++) {
      const keeper = this.context.spawn(executorKeeper(slot, this.context.self, this.settings));
      this.places.push({ keeper, concurrency: 1, ready: false, held: 0, movedMs: 0 });
    }
    this.context.every(lookEveryMs, { kind: 'look' });
  }

  receive(message: SupervisorMessage): void {
    switch (message.kind) {
      case 'run':
        this.leftInRedis = message.left;
        if (this.backlog.length === 0) this.waitingSinceMs = performance.now();
        for (const job of message.jobs) this.backlog.push(job);
        this.handOut();
        break;
      case 'ended':
        this.ended(message.slot, message.ended);
        break;
      case 'begun':
        this.place(message.slot).movedMs = performance.now();
        this.recorder.tell({ kind: 'begun', begun: message.begun });
        break;
      case 'ready': {
        const place = this.place(message.slot);
        place.ready = true;
        place.held = 0;
        place.concurrency = message.concurrency;
        this.settings.onReady(message.names);
        this.handOut();
        break;
      }
      case 'unready':
        this.place(message.slot).ready = false;
        if (message.exit) {
          this.place(message.slot).held = 0;
          this.settings.onExit(message.exit);
        }
        break;
      case 'cancel':
        this.cancel(message.execution, message.reason);
        break;
      case 'look':
        this.look();
        break;
      case 'leave':
        this.isLeaving = true;
        this.giveBackBacklog('the worker is leaving');
        for (const { keeper } of this.places)
          keeper.tell({ kind: 'leave', graceMs: message.graceMs });
        break;
      case 'left':
        this.places.splice(this.places.indexOf(this.place(message.slot)), 1, {
          ...this.place(message.slot),
          ready: false,
          concurrency: 0,
        });
        if (this.places.every(({ concurrency }) => concurrency === 0)) this.settings.onLeft();
        break;
    }
    this.tellRoom();
  }

  private place(slot: number): Place {
    return this.places[slot] as Place;
  }

  private ended(slot: number, ended: readonly Ended[]): void {
    const place = this.place(slot);
    const now = performance.now();
    place.held -= ended.length;
    place.movedMs = now;
    let tookMs = 0;
    let ran = 0;
    for (const one of ended) {
      if (one.beganAtMs === null) continue;
      tookMs += one.tookMs;
      ran += 1;
    }
    if (ran > 0) this.rate.ended(ran, tookMs, now);
    this.recorder.tell({ kind: 'ended', ended });
    this.handOut();
  }

  // A few at a time to each child: what waits inside a child waits behind one job, what waits here can go
  // to whoever is free first.
  private handOut(): void {
    const window = this.settings.prefetch === 0 ? 1 : this.rate.window();
    let next = 0;
    while (next < this.backlog.length) {
      const place = this.idlest();
      const share = place
        ? Math.min(
            place.concurrency === 1 ? window : this.backlog.length,
            this.backlog.length - next,
          )
        : 0;
      if (!place || share === 0) break;
      const jobs = this.backlog.slice(next, next + share);
      next += share;
      place.held += share;
      if (place.held === share) place.movedMs = performance.now();
      place.keeper.tell({ kind: 'run', jobs });
    }
    if (next === 0) return;
    this.backlog = this.backlog.slice(next);
    this.waitingSinceMs = performance.now();
  }

  // Only one that has not much left takes more: below half a window, so that it never runs dry.
  private idlest(): Place | null {
    const window = this.settings.prefetch === 0 ? 1 : this.rate.window();
    let best: Place | null = null;
    for (const place of this.places) {
      if (!place.ready) continue;
      const takes = place.concurrency === 1 ? place.held <= (window - 1) / 2 : true;
      if (takes && (!best || place.held < best.held)) best = place;
    }
    return best;
  }

  private cancel(execution: string, reason: StopReason): void {
    const at = this.backlog.findIndex((job) => job.execution === execution);
    if (at < 0) {
      for (const { keeper } of this.places) keeper.tell({ kind: 'cancel', execution, reason });
      return;
    }
    const [job] = this.backlog.splice(at, 1) as [ClaimedJob];
    this.recorder.tell({
      kind: 'ended',
      ended: [{ job, outcome: { kind: 'stopped', reason }, beganAtMs: null, tookMs: 0 }],
    });
  }

  private look(): void {
    const now = performance.now();
    for (const place of this.places) {
      if (place.ready && place.held > place.concurrency && now - place.movedMs > patienceMs) {
        place.keeper.tell({ kind: 'takeBack', reason: 'it waited behind a long job' });
      }
    }
    // With no child to be had (all are being replaced), others should run the jobs.
    const canWaitMs = this.places.some(({ ready }) => ready) ? patienceMs : 5_000;
    if (this.backlog.length > 0 && now - this.waitingSinceMs > canWaitMs)
      this.giveBackBacklog('no executor was free');
  }

  private giveBackBacklog(reason: string): void {
    const ended = this.backlog.map((job) => ({
      job,
      outcome: { kind: 'notBegun' as const, reason },
      beganAtMs: null,
      tookMs: 0,
    }));
    this.backlog = [];
    if (ended.length > 0) this.recorder.tell({ kind: 'ended', ended });
  }

  private tellRoom(): void {
    let able = 0;
    for (const place of this.places) {
      if (place.ready) able += place.concurrency;
      else able += place.held;
    }
    const start = this.isLeaving ? 0 : Math.min(this.settings.concurrency, able);
    const hold = start === 0 || this.settings.prefetch === 0 ? 0 : this.rate.hold(this.leftInRedis);
    const room = `${start} ${hold}`;
    if (room === this.room) return;
    this.room = room;
    this.settings.onRoom(start, hold);
  }
}
