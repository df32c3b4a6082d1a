import type { Redis } from 'ioredis';
import { BusyPoll } from '../redis/busy-poll.js';
import type { Casualty } from '../redis/casualties.js';
import { failureKind, pauseMs } from '../redis/failure.js';
import type { WireSettings } from '../redis/transitions/queue-keys.js';
import { tagLength } from '../redis/transitions/recover.js';
import {
  type ExchangeReply,
  exchangeFor,
  type Paused,
} from '../redis/transitions/settle-and-claim.js';
import type { ClaimedJob, Settlement, Verdict } from '../redis/transitions/settlement.js';
import { BlockingPop } from './blocking-pop.js';
import { HeldBack } from './held-back.js';
import { type QueueOrder, Turns } from './queue-order.js';
import { ReplyTurns } from './reply-turns.js';

/** Settlements in one exchange; more wait for the next. */
const mostSettlements = 500;
/** From so many on they are shared between the two calls. Where Redis is busy, or shares our core, fewer go in one, which costs it less. */
const crowd = 2;
const crowdForBusy = 8;
/** Working time is told in portions: the sum in Redis is a long float, too dear for every call. */
const tellWorkedMs = 1_000;
/** One claim a period comes unasked: a blocking pop is refused over maxmemory, a claim is not. */
const unaskedClaimMs = 5_000;
/** Before a refused outcome is handed in again. */
const refusedPauseMs = 1_000;
/** So many pops in a row may bring nothing for us before we rest. */
const mostUselessPops = 3;
const uselessRestMs = 100;
export interface IntakeSettings {
  queues: readonly string[];
  /** Default: first one first, strictly. */
  order?: QueueOrder;
  worker: string;
  /** 12 hex characters, random for each start of a worker. Every execution begins with it. */
  tag: string;
  wire: WireSettings;
  /** Never waits for an id: claims after every settlement, so that `onEmpty` is the truth. Default false. */
  burst?: boolean;
}

export interface IntakeEvents {
  /** Jobs that are ours now. Called once for each reply; must not throw. */
  onClaimed(jobs: readonly ClaimedJob[], left: number): void;
  /** A claim found the queues empty. */
  onEmpty?(): void;
  /** A job of which somebody wants to hear was quarantined, because nobody can begin it. */
  onCasualty?(casualty: Casualty): void;
  /** What is paused has changed. */
  onPaused?(paused: Paused | null): void;
  /** Redis refuses, or a key has a wrong type: the loop goes on, slowly. */
  onTrouble(error: unknown): void;
}

interface Waiting {
  settlement: Settlement;
  onVerdict(verdict: Verdict): void;
}

/**
 * The blocking-pop loop: hands in how jobs ended and brings new ones, as many as there is room for. It
 * never holds a job that nobody asked for. Batches form by back-pressure alone: what ends while a call is
 * under way leaves with the next.
 */
export class Intake {
  private readonly exchange: ReturnType<typeof exchangeFor>;
  private readonly pops: BlockingPop[];
  /** Two calls may be under way, each in a slot of its own, so that either reply can be asked for again. */
  private readonly idleSlots = [0, 1];
  private readonly poll = new BusyPoll();
  private readonly replyTurns = new ReplyTurns();
  private waiting: Waiting[] = [];
  private begun: Array<{ job: ClaimedJob; beganAtMs: number }> = [];
  private hints: Array<{ queue: string; id: Buffer }> = [];
  private room = { start: 0, hold: 0 };
  /** Claimed and not yet handed to `settle`. */
  private outstanding = 0;
  /** Outcomes that calls under way hand in. */
  private settling = 0;
  /** Asked for by calls under way. */
  private asked = 0;
  /** Of these by a call that came unasked: its pops wait on, since it will hardly find anything. */
  private askedUnasked = 0;
  private isUnasked = false;
  private calls = 0;
  /** Working time that the worker's record does not know yet. */
  private workedMs = 0;
  private mayHaveWork = true;
  /** What the last claim left in the queues. */
  private left = 0;
  /** Pops in a row whose id was not for us: a job that we passed on, for another worker to run. */
  private uselessPops = 0;
  private rest: NodeJS.Timeout | null = null;
  private readonly turns: Turns;
  private readonly heldBack = new HeldBack();
  private lookAgain: NodeJS.Timeout | null = null;
  /** Jobs to be handed back by the next calls. */
  private backs = 0;
  /** Outcomes that Redis would not take yet. */
  private refused = 0;
  private scheduled = false;
  private quieted = false;
  private closed = false;
  private readonly unasked: NodeJS.Timeout;
  private readonly idleWatchers: Array<() => void> = [];

  constructor(
    private readonly redis: Redis,
    openBlocking: () => Redis,
    private readonly settings: IntakeSettings,
    private readonly events: IntakeEvents,
  ) {
    this.exchange = exchangeFor(redis, settings.worker, settings.queues, settings.wire);
    this.turns = new Turns(settings.queues, settings.order ?? 'strict');
    this.pops = settings.queues.map(
      (queue) =>
        new BlockingPop(
          queue,
          openBlocking(),
          (from, id) => {
            this.hints.push({ queue: from, id });
            this.claimAgain();
          },
          events.onTrouble,
        ),
    );
    this.unasked = setInterval(() => {
      if (!this.mayHaveWork) this.isUnasked = true;
      this.claimAgain();
    }, unaskedClaimMs);
  }

  /** How many jobs may run (`start`), and how many more may be claimed ahead of that (`hold`). */
  setRoom(start: number, hold: number): void {
    this.room = { start, hold };
    this.schedule();
  }

  /** There may be something to claim, though the last look found nothing. */
  claimAgain(): void {
    this.mayHaveWork = true;
    this.schedule();
  }

  /** A held job's handler began. */
  reportBegun(job: ClaimedJob, beganAtMs: number): void {
    this.begun.push({ job, beganAtMs });
    this.schedule();
  }

  /** Hands in how a job ended; `onVerdict`, which must not throw, hears what Redis made of it, however long Redis is away. */
  settle(settlement: Settlement, onVerdict: (verdict: Verdict) => void): void {
    this.outstanding -= 1;
    if (settlement.end.kind === 'back') this.backs += 1;
    this.workedMs += settlement.tookMs;
    this.waiting.push({ settlement, onVerdict });
    this.schedule();
  }

  /** Jobs claimed and not yet settled. */
  get held(): number {
    return this.outstanding;
  }

  /** No new jobs from now on; settling goes on. Resolves when nothing can arrive any more. */
  async quiet(): Promise<void> {
    this.quieted = true;
    this.schedule();
    while (
      !this.closed &&
      (this.pops.some((pop) => pop.isBusy) || this.hints.length > 0 || this.idleSlots.length < 2)
    ) {
      this.releasePops();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Whether every claimed job was settled, Redis has said so, and nothing is under way. */
  isIdle(): boolean {
    return (
      this.outstanding === 0 &&
      this.waiting.length === 0 &&
      this.refused === 0 &&
      this.idleSlots.length === 2
    );
  }

  /** Resolves once it is idle. */
  idle(): Promise<void> {
    if (this.isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.idleWatchers.push(resolve));
  }

  /** Leaves without waiting for anything. Outcomes that Redis has not confirmed are dropped; leases run out. */
  close(): void {
    this.closed = true;
    clearInterval(this.unasked);
    for (const timer of [this.rest, this.lookAgain]) if (timer) clearTimeout(timer);
    for (const pop of this.pops) pop.close();
    for (const resolve of this.idleWatchers.splice(0)) resolve();
  }

  // After all promise callbacks of this turn, so that jobs which end together leave together.
  private schedule(): void {
    if (this.scheduled || this.closed) return;
    this.scheduled = true;
    process.nextTick(() => {
      this.scheduled = false;
      this.pump();
    });
  }

  private pump(): void {
    while (!this.closed && this.idleSlots.length > 0) {
      // What a claim under way brings may have to go back as well, behind what is waiting to.
      if (this.backs > 0 && this.asked > 0) break;
      if (this.backs > 1) this.waiting.sort(lastClaimedFirst);
      const free =
        this.quieted || this.backs > 0
          ? 0
          : this.room.start + this.room.hold - this.outstanding - this.asked;
      const wanted = this.mayHaveWork ? Math.max(0, free) : 0;
      if (
        this.waiting.length === 0 &&
        this.begun.length === 0 &&
        this.hints.length === 0 &&
        wanted === 0
      )
        break;
      // Not for what a pop has announced: it is one job, and its reply would wait for that of a second call, which finds nothing.
      const half = this.left > 0 ? this.halfOf(wanted, this.asked) : wanted;
      const share =
        this.backs === 0 ? this.halfOf(this.waiting.length, this.settling) : this.waiting.length;
      const toStart = Math.min(half, Math.max(0, this.room.start - this.outstanding - this.asked));
      void this.call(
        this.idleSlots.shift() as number,
        this.waiting.splice(0, Math.min(share, mostSettlements)),
        toStart,
        half - toStart,
      );
    }
    this.updatePops();
    if (this.isIdle()) for (const resolve of this.idleWatchers.splice(0)) resolve();
  }

  // With a crowd both slots are used, half each of what there is and of what the other one has: Redis works on one while we work
  // on the other, as long as both have the same to do.
  private halfOf(count: number, other: number): number {
    const isCrowd = count >= (this.poll.isQuick ? crowd : crowdForBusy);
    return isCrowd ? Math.min(count, Math.ceil((count + other) / 2)) : count;
  }

  private async call(
    slot: number,
    batch: Waiting[],
    toStart: number,
    toHold: number,
  ): Promise<void> {
    const wanted = toStart + toHold;
    const unasked = this.isUnasked && batch.length === 0 && this.hints.length === 0 ? wanted : 0;
    this.isUnasked = false;
    this.settling += batch.length;
    this.asked += wanted;
    this.askedUnasked += unasked;
    if (this.waiting.length === 0) this.backs = 0;
    const request = {
      // The tag is random for each start of a worker: a counter makes the rest unique.
      requestId: this.settings.tag + (++this.calls).toString(16).padStart(24 - tagLength, '0'),
      settlements: batch.map(({ settlement }) => settlement),
      begun: this.begun.splice(0),
      hints: this.hints.splice(0),
      toStart,
      toHold,
      workedMs: this.workedMs >= tellWorkedMs ? this.workedMs : 0,
      order: wanted > 0 ? this.turns.next() : '',
    };
    if (request.workedMs > 0) this.workedMs = 0;
    let reply: ExchangeReply | null;
    try {
      reply = await this.poll.until(this.exchange(slot, request));
    } catch (error) {
      reply = await this.insist(slot, request, error);
    }
    if (this.idleSlots.length === 0) await this.replyTurns.take();
    this.settling -= batch.length;
    this.asked -= wanted;
    this.askedUnasked -= unasked;
    if (reply) {
      this.outstanding += reply.claimed.length;
      if (wanted > 0) {
        this.left = reply.left;
        this.mayHaveWork =
          reply.claimed.length === wanted || reply.left > 0 || this.hints.length > 0;
      }
      // A settlement may have put its job back.
      else if (this.settings.burst && batch.length > 0) this.mayHaveWork = true;
      if (reply.claimed.length > 0) this.uselessPops = 0;
      else if (request.hints.length > 0 && reply.left === 0) this.uselessPops += 1;
      this.noteHeldBack(reply, wanted > 0);
      this.turns.took(reply.claimed);
      this.answer(batch, reply.verdicts);
      for (const casualty of reply.casualties) this.events.onCasualty?.(casualty);
      if (reply.claimed.length > 0) this.events.onClaimed(reply.claimed, reply.left);
    }
    this.idleSlots.push(slot);
    if (
      reply &&
      wanted > 0 &&
      reply.claimed.length === 0 &&
      reply.left === 0 &&
      reply.heldBack.size === 0
    )
      this.events.onEmpty?.();
    this.schedule();
  }

  private answer(batch: readonly Waiting[], verdicts: readonly Verdict[]): void {
    batch.forEach((waiting, index) => {
      const verdict = verdicts[index] as Verdict;
      if (verdict === 'refused') this.postpone(waiting);
      else waiting.onVerdict(verdict);
    });
  }

  // Its queue has a key of a wrong type. The outcome is kept until somebody mends that.
  private postpone(waiting: Waiting): void {
    this.refused += 1;
    const again = (): void => {
      this.refused -= 1;
      this.waiting.push(waiting);
      this.schedule();
    };
    setTimeout(again, refusedPauseMs).unref();
  }

  // An id that a pop brings from a queue that is held back would only go back, again and again. Instead we look.
  private noteHeldBack(reply: ExchangeReply, hasLooked: boolean): void {
    for (const text of this.heldBack.newFaults(reply.faults))
      this.events.onTrouble(new Error(text));
    if (!hasLooked) return;
    const isNews = this.heldBack.look(reply);
    if (this.heldBack.isNone) {
      if (isNews) this.events.onPaused?.(null);
      return;
    }
    this.releasePops((pop) => this.heldBack.isClosed(pop.queue));
    if (isNews) this.events.onPaused?.(reply.paused);
    this.lookAgain ??= setTimeout(() => {
      this.lookAgain = null;
      this.claimAgain();
    }, this.heldBack.lookAgainMs);
  }

  // The same request until it is answered: the script recognises it and never does a thing twice.
  private async insist(
    slot: number,
    request: Parameters<typeof this.exchange>[1],
    failure: unknown,
  ): Promise<ExchangeReply | null> {
    let error = failure;
    for (let tries = 1; !this.closed; tries++) {
      const isTransient = failureKind(error) === 'transient';
      if (!isTransient) this.events.onTrouble(error);
      await new Promise((resolve) => setTimeout(resolve, isTransient ? pauseMs(tries) : 2_000));
      if (this.closed) break;
      try {
        return await this.exchange(slot, request, true);
      } catch (thrown) {
        error = thrown;
      }
    }
    return null;
  }

  // A blocking pop only while there is room and nothing to take: an id parked in the in-flight list
  // behind a long job would be stuck, and a Python cleaner would fail it after a minute.
  private updatePops(): void {
    const free =
      this.quieted || this.closed
        ? 0
        : this.room.start + this.room.hold - this.outstanding - this.asked + this.askedUnasked;
    if (free <= 0) this.releasePops();
    else if (!this.settings.burst && !this.mayHaveWork && this.hints.length === 0) this.wantPops();
  }

  private wantPops(): void {
    if (this.rest) return;
    if (this.uselessPops < mostUselessPops) {
      for (const pop of this.pops) if (this.heldBack.mayPop(pop.queue)) pop.want();
      return;
    }
    // What waits for others ends every pop at once, and would keep Redis busy for nothing.
    const over = (): void => {
      this.rest = null;
      this.uselessPops = mostUselessPops - 1;
      this.schedule();
    };
    this.rest = setTimeout(over, uselessRestMs);
    this.rest.unref();
  }

  private releasePops(which: (pop: BlockingPop) => boolean = () => true): void {
    for (const pop of this.pops.filter(which)) {
      const clientId = pop.release();
      // When this fails the pop ends by itself within its block time, and what it brings is handed back.
      if (clientId === null) continue;
      this.redis.client('UNBLOCK', clientId).catch((error) => {
        if (failureKind(error) !== 'transient') this.events.onTrouble(error);
      });
    }
  }
}

// What goes back to the head of a queue goes before what went back before it: executions grow with the
// claims, so that in this order the queue is what it was.
const lastClaimedFirst = (a: Waiting, b: Waiting): number =>
  a.settlement.job.execution < b.settlement.job.execution ? 1 : -1;
