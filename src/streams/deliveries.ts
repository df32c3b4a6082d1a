import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Observable, type Subscriber } from 'rxjs';
import type { Cipher } from '../redis/cipher.js';
import { closeConnection } from '../redis/connection.js';
import { InvalidOptionError } from '../redis/errors.js';
import { failureKind } from '../redis/failure.js';
import { checkKnown } from '../redis/known-options.js';
import { TransientMap } from '../redis/transient-map.js';
import type { WireSettings } from '../redis/transitions/queue-keys.js';
import { tagLength } from '../redis/transitions/recover.js';
import { type ClaimedJob, stoppedText } from '../redis/transitions/settlement.js';
import {
  beatUnlisted,
  buryUnlisted,
  recordEveryMs,
  recordTtlSeconds,
} from '../redis/transitions/worker-life.js';
import type { WorkerAnswer } from '../redis/worker-answer.js';
import { isToStop, type WorkerCommand } from '../redis/worker-command.js';
import { CommandInbox } from './command-inbox.js';
import { Delivery } from './delivery.js';
import { insist } from './insist.js';
import { Intake, type IntakeSettings } from './intake.js';
import { LeaseKeeper } from './lease-keeper.js';

/** How long Redis may take to confirm the last settlements of a consumer that leaves, in milliseconds. */
const farewellMs = 5_000;

export interface DeliveriesOptions {
  /** How many deliveries may be unsettled at a time: the demand. Default 1. */
  concurrency?: number;
  /** How long deliveries may stay unsettled after the unsubscribe, before they are handed back. Default 30,000 ms. */
  settleWithinMs?: number;
}

const known = new Set(['concurrency', 'settleWithinMs']);

/** What a consumer needs of its `Rq`. */
export interface ConsumerDoors {
  command(): Redis;
  blocking(): Redis;
  onTrouble(error: unknown): void;
  cipher: Cipher | null;
  /** Those that are subscribed to, or still leaving. */
  consumers: Set<Consumer>;
}

/**
 * Jobs of the queues, first queue first, to be settled by hand. Cold, and a consumer: every subscription
 * claims jobs of its own, over connections of its own. Demand is what is not settled: a delivery comes for
 * each settled one, and nothing waits in this process that could wait in Redis. Waits while Redis is away;
 * errors only when Redis refuses the first lease, completes when its `Rq` is closed.
 *
 * Unsubscribing stops the claiming at once; deliveries already made may still be settled, and those that
 * are not in time go back to the head of their queue. `job.stop()` and Python's `send_stop_job_command` abort a delivery's
 * signal; the job is stopped once it is settled. A job's timeout is its consumer's affair. What a consumer
 * held that was killed is brought back by the workers of the same queue.
 *
 * @throws InvalidOptionError
 */
export const deliveriesOf = (
  doors: ConsumerDoors,
  queues: readonly string[],
  wire: WireSettings,
  options: DeliveriesOptions = {},
): Observable<Delivery> => {
  checkKnown(options, known);
  const { concurrency = 1, settleWithinMs = 30_000 } = options;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new InvalidOptionError('concurrency', 'it must be a whole number, 1 or more');
  }
  if (!(settleWithinMs >= 0 && settleWithinMs < 2 ** 31)) {
    throw new InvalidOptionError('settleWithinMs', 'it must be 0 or more, and less than 2^31');
  }
  return new Observable((subscriber) => {
    const consumer = new Consumer(doors, queues, wire, concurrency, subscriber);
    void consumer.start();
    return () => void consumer.leave(settleWithinMs);
  });
};

/** A delivery that is not settled. */
interface Held {
  readonly delivery: Delivery;
  readonly abort: AbortController;
  isStopped: boolean;
}

const abort = (held: Held | undefined, why: string): void => {
  held?.abort.abort(new Error(`Job ${held.delivery.jobId} was ${why}`));
};

const stopped = { kind: 'stop', reason: stoppedText, traceback: stoppedText } as const;

/** One subscription: claims, keeps the leases, hands back at the end. */
export class Consumer {
  private readonly redis: Redis;
  private readonly leases: LeaseKeeper;
  private readonly intake: Intake;
  private readonly inbox: CommandInbox;
  private readonly unsettled = new TransientMap<string, Held>();
  private readonly leaving = new AbortController();
  private left: Promise<void> | null = null;
  /** Settled once no lease can be taken out any more. */
  private started: Promise<unknown> = Promise.resolve();
  private late: NodeJS.Timeout | null = null;
  private beating: NodeJS.Timeout | null = null;
  private readonly name: string;
  private giveUp: () => void = () => undefined;

  constructor(
    private readonly doors: ConsumerDoors,
    queues: readonly string[],
    private readonly wire: WireSettings,
    private readonly concurrency: number,
    private readonly subscriber: Subscriber<Delivery>,
  ) {
    const { onTrouble } = doors;
    const tag = randomBytes(tagLength / 2).toString('hex');
    this.name = `consumer-${tag}`;
    const settings: IntakeSettings = { queues, worker: this.name, tag, wire };
    this.redis = doors.command();
    this.leases = new LeaseKeeper(this.redis, settings, {
      onTrouble,
      onRevoked: ({ execution }, verdict) => abort(this.unsettled.get(execution), verdict),
    });
    this.inbox = new CommandInbox(this.redis, doors.command(), this.name, {
      onCommand: (command) => this.obey(command),
      onTrouble,
    });
    this.intake = new Intake(this.redis, doors.blocking, settings, {
      onTrouble,
      onClaimed: (jobs) => {
        this.leases.keep(jobs);
        for (const job of jobs) this.deliver(job);
      },
    });
    doors.consumers.add(this);
  }

  async start(): Promise<void> {
    try {
      // A script of a lease may run twice: it only moves the end of the lease.
      await insist(
        () => {
          const started = this.leases.start();
          this.started = started.catch(() => undefined);
          return started;
        },
        this.leaving.signal,
        (error) => {
          throw error;
        },
      );
      if (this.left) return;
      await this.listen();
      if (!this.left) this.intake.setRoom(this.concurrency, 0);
    } catch (error) {
      if (!this.left) this.subscriber.error(error);
    }
  }

  private async listen(): Promise<void> {
    const beat = () =>
      beatUnlisted(this.redis, this.name, recordTtlSeconds).catch((error: unknown) => {
        // Without it stops do not come, and everything else does.
        if (failureKind(error) === 'bug') this.doors.onTrouble(error);
      });
    this.beating = setInterval(beat, recordEveryMs);
    await beat();
    // Closed meanwhile, it would listen for ever.
    if (this.left) return;
    await this.inbox.start(this.wire.narrowLeaseMs / 4);
  }

  private obey(command: WorkerCommand): WorkerAnswer {
    const held = [...this.unsettled.values()];
    switch (command.command) {
      case 'stop-job':
      case 'stop-execution': {
        const meant = held.find(({ delivery }) => isToStop(command, delivery));
        if (!meant) return { ok: false, reason: 'it does not hold this job' };
        meant.isStopped = true;
        abort(meant, 'stopped');
        return { ok: true };
      }
      case 'rxrq-look':
        void this.leases.renewAll();
        return { ok: true };
      case 'rxrq-ping': {
        const jobs = held.map(({ delivery: { jobId, queue } }) => ({ jobId, queue }));
        return { ok: true, state: held.length > 0 ? 'busy' : 'idle', jobs };
      }
      default:
        return { ok: false, reason: 'it is a consumer, which only its own program ends' };
    }
  }

  /** Leaves, after `graceMs` for what is unsettled; then hands it back. A second call may only shorten the grace. */
  leave(graceMs = 0): Promise<void> {
    if (!this.left || graceMs === 0) {
      if (this.late) clearTimeout(this.late);
      this.late = setTimeout(() => this.handBackAll(), graceMs);
    }
    this.left ??= this.depart();
    return this.left;
  }

  private deliver(job: ClaimedJob): void {
    const { execution } = job;
    const settle: ConstructorParameters<typeof Delivery>[2] = ({ end, ...settlement }) => {
      this.unsettled.delete(execution);
      const heartbeaten = this.leases.release(execution);
      // What succeeds all the same has succeeded, as with workers.
      const isStopped = held.isStopped && end.kind !== 'finish';
      const how = { ...settlement, heartbeaten, end: isStopped ? stopped : end };
      return new Promise((resolve) => this.intake.settle(how, resolve));
    };
    const controller = new AbortController();
    const delivery = new Delivery(job, controller.signal, settle, this.doors.cipher);
    const held: Held = { delivery, abort: controller, isStopped: false };
    this.unsettled.set(execution, held);
    if (this.left) void delivery.handBack('its consumer unsubscribed');
    else this.subscriber.next(delivery);
  }

  // It would run out by itself.
  private bury(): Promise<void> {
    return buryUnlisted(this.redis, this.name).catch((error: unknown) => {
      if (failureKind(error) === 'bug') this.doors.onTrouble(error);
    });
  }

  private handBackAll(): void {
    for (const { delivery } of [...this.unsettled.values()]) {
      void delivery.handBack('not settled in time after its consumer left');
    }
    this.late = setTimeout(() => this.giveUp(), farewellMs);
  }

  private async depart(): Promise<void> {
    this.leaving.abort();
    this.intake.setRoom(0, 0);
    // Redis may be away for long: what it has not confirmed by then runs out with the lease.
    const gaveUp = new Promise<boolean>((resolve) => {
      this.giveUp = () => resolve(true);
    });
    // A lease that is being taken out may reach Redis after it was given back.
    const settled = this.started.then(() => this.intake.quiet()).then(() => this.intake.idle());
    const isLost = await Promise.race([settled.then(() => false), gaveUp]);
    if (this.late) clearTimeout(this.late);
    if (this.beating) clearInterval(this.beating);
    this.inbox.close();
    if (isLost) this.leases.stop();
    else await Promise.all([this.leases.leave(), this.bury()]);
    this.intake.close();
    closeConnection(this.redis);
    this.doors.consumers.delete(this);
    this.subscriber.complete();
  }
}
