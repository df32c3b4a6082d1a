import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Observable, type Subscriber } from 'rxjs';
import type { Cipher } from '../redis/cipher.js';
import { closeConnection } from '../redis/connection.js';
import { InvalidOptionError } from '../redis/errors.js';
import { checkKnown } from '../redis/known-options.js';
import type { WireSettings } from '../redis/transitions/queue-keys.js';
import { tagLength } from '../redis/transitions/recover.js';
import type { ClaimedJob } from '../redis/transitions/settlement.js';
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
 * are not in time go back to the head of their queue. A job's timeout is its consumer's affair. What a consumer
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

/** One subscription: claims, keeps the leases, hands back at the end. */
export class Consumer {
  private readonly redis: Redis;
  private readonly leases: LeaseKeeper;
  private readonly intake: Intake;
  private readonly unsettled = new Map<string, { delivery: Delivery; abort: AbortController }>();
  private readonly leaving = new AbortController();
  private left: Promise<void> | null = null;
  /** Settled once no lease can be taken out any more. */
  private started: Promise<unknown> = Promise.resolve();
  private late: NodeJS.Timeout | null = null;
  private giveUp: () => void = () => undefined;

  constructor(
    private readonly doors: ConsumerDoors,
    queues: readonly string[],
    wire: WireSettings,
    private readonly concurrency: number,
    private readonly subscriber: Subscriber<Delivery>,
  ) {
    const { onTrouble } = doors;
    const tag = randomBytes(tagLength / 2).toString('hex');
    const settings: IntakeSettings = { queues, worker: `consumer-${tag}`, tag, wire };
    this.redis = doors.command();
    this.leases = new LeaseKeeper(this.redis, settings, {
      onTrouble,
      onRevoked: ({ jobId, execution }, verdict) =>
        this.unsettled.get(execution)?.abort.abort(new Error(`Job ${jobId} was ${verdict}`)),
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
      if (!this.left) this.intake.setRoom(this.concurrency, 0);
    } catch (error) {
      if (!this.left) this.subscriber.error(error);
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
    const abort = new AbortController();
    const settle: ConstructorParameters<typeof Delivery>[2] = (settlement) => {
      this.unsettled.delete(execution);
      const heartbeaten = this.leases.release(execution);
      return this.intake.settle({ ...settlement, heartbeaten });
    };
    const delivery = new Delivery(job, abort.signal, settle, this.doors.cipher);
    this.unsettled.set(execution, { delivery, abort });
    if (this.left) void delivery.handBack('its consumer unsubscribed');
    else this.subscriber.next(delivery);
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
    if (isLost) this.leases.stop();
    else await this.leases.leave();
    this.intake.close();
    closeConnection(this.redis);
    this.doors.consumers.delete(this);
    this.subscriber.complete();
  }
}
