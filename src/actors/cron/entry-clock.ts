import { pauseMs } from '../../redis/failure.js';
import { distinctTimestamp } from '../../redis/timestamp.js';
import type { CronTick, CronTickReply } from '../../redis/transitions/cron-tick.js';
import type { CronPlan } from './cron-plan.js';
import type { CronTimes } from './cron-record.js';

/** When one entry is due next, by the clock of Redis, and the request for that tick. */
export class EntryClock {
  private request: CronTick | null = null;
  private tries = 0;
  private dueMs: number | null;
  private latestMs: number | null = null;
  /** When to look at it again; `Infinity` when it never comes again. */
  wakeMs: number;

  /** @param lastDueMs of the last tick that was enqueued by anybody, or from when on it counts */
  constructor(
    readonly plan: CronPlan,
    nowMs: number,
    lastDueMs: number,
  ) {
    const { when } = plan;
    // An interval asks at once: Redis knows when it ran last.
    this.dueMs = 'intervalMs' in when ? nowMs : this.after(lastDueMs, nowMs);
    this.wakeMs = this.dueMs ?? Number.POSITIVE_INFINITY;
  }

  get times(): CronTimes {
    return { latestMs: this.latestMs, nextMs: this.dueMs };
  }

  /** The same again, id and all, until it was answered: so a lost reply makes no second job. */
  tick(): CronTick {
    const { plan, dueMs } = this;
    this.request ??= {
      queue: plan.queue,
      name: plan.name,
      when:
        'intervalMs' in plan.when
          ? { intervalMs: plan.when.intervalMs }
          : { dueMs: dueMs as number },
      job: plan.newJob(),
      createdAt: distinctTimestamp(),
    };
    return this.request;
  }

  answered({ verdict, nowMs, dueMs }: CronTickReply): void {
    const { when } = this.plan;
    this.tries = 0;
    if (verdict === 'early') {
      // Our idea of Redis' time ran ahead of it.
      this.wakeMs = dueMs;
      return;
    }
    this.request = null;
    this.latestMs = dueMs;
    this.dueMs = 'intervalMs' in when ? dueMs + when.intervalMs : this.after(dueMs, nowMs);
    this.wakeMs = this.dueMs ?? Number.POSITIVE_INFINITY;
  }

  /** The tick stays due. Only this one: a process that could not enqueue for long has no burst to make up for. */
  failed(nowMs: number): void {
    this.tries += 1;
    this.wakeMs = nowMs + pauseMs(this.tries);
  }

  private after(lastDueMs: number, nowMs: number): number | null {
    const { when } = this.plan;
    if (!('schedule' in when)) return null;
    return when.schedule.next(Math.max(lastDueMs, nowMs - when.catchUpMs));
  }
}
