import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Observable } from 'rxjs';
import type { WireSettings } from '../redis/transitions/queue-keys.js';
import { tagLength } from '../redis/transitions/recover.js';
import { Delivery } from './delivery.js';
import { Intake, type IntakeSettings } from './intake.js';
import { LeaseKeeper } from './lease-keeper.js';

export interface DeliveriesOptions {
  /** How many deliveries may be unsettled at a time: the demand. Default 1. */
  concurrency?: number;
  /** How long deliveries may stay unsettled after the unsubscribe, before they are handed back. Default 30,000 ms. */
  settleWithinMs?: number;
}

/**
 * Jobs of the queues, first queue first, to be settled by hand. Cold, and a consumer: every subscription
 * claims jobs of its own, over connections of its own. Demand is what is not settled: a delivery comes for
 * each settled one, and nothing waits in this process that could wait in Redis. Never completes; errors only
 * when Redis refuses the first lease.
 *
 * Unsubscribing stops the claiming at once; deliveries already made may still be settled, and those that
 * are not in time go back to the head of their queue.
 */
export const deliveriesOf = (
  open: { command(): Redis; blocking(): Redis },
  queues: readonly string[],
  wire: WireSettings,
  { concurrency = 1, settleWithinMs = 30_000 }: DeliveriesOptions = {},
  onTrouble: (error: unknown) => void = () => undefined,
): Observable<Delivery> =>
  new Observable<Delivery>((subscriber) => {
    const redis = open.command();
    const tag = randomBytes(tagLength / 2).toString('hex');
    const settings: IntakeSettings = { queues, worker: `consumer-${tag}`, tag, wire };
    const unsettled = new Map<string, { delivery: Delivery; abort: AbortController }>();
    let isLeaving = false;

    const leases = new LeaseKeeper(redis, settings, {
      onRevoked: (job, verdict) => unsettled.get(job.execution)?.abort.abort(new Error(`Job ${job.jobId} was ${verdict}`)),
      onTrouble,
    });
    const intake = new Intake(redis, open.blocking, settings, {
      onTrouble,
      onClaimed: (jobs) => {
        leases.keep(jobs);
        for (const job of jobs) {
          const abort = new AbortController();
          const delivery = new Delivery(job, abort.signal, (settlement) => {
            unsettled.delete(job.execution);
            return intake.settle({ ...settlement, heartbeaten: leases.release(job.execution) });
          });
          unsettled.set(job.execution, { delivery, abort });
          if (isLeaving) void delivery.handBack('its consumer unsubscribed');
          else subscriber.next(delivery);
        }
      },
    });

    leases.start().then(
      () => !isLeaving && intake.setRoom(concurrency, 0),
      (error) => subscriber.error(error),
    );

    return () => {
      isLeaving = true;
      void leave();
    };

    async function leave(): Promise<void> {
      intake.setRoom(0, 0);
      const late = setTimeout(() => {
        for (const { delivery } of unsettled.values()) void delivery.handBack('not settled in time after its consumer left');
      }, settleWithinMs);
      await intake.quiet();
      await intake.idle();
      clearTimeout(late);
      leases.stop();
      intake.close();
      redis.disconnect(false);
    }
  });
