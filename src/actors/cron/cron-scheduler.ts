import { pauseMs } from '../../redis/failure.js';
import type { CronTick, CronTickReply } from '../../redis/transitions/cron-tick.js';
import type { ActorSpec, TimerHandle } from '../kernel/behavior.js';
import type { CronPlan } from './cron-plan.js';
import { cronRecordOf } from './cron-record.js';
import { EntryClock } from './entry-clock.js';

export type CronSchedulerMessage = { kind: 'look' } | { kind: 'beat' };

/** What the cron scheduler needs of Redis. */
export interface CronHands {
  /** The time of Redis, and when each entry's last tick was due. */
  open(): Promise<{ nowMs: number; lastDuesMs: readonly number[] }>;
  tick(tick: CronTick): Promise<CronTickReply>;
  /** A sign of life with the entries as they stand. Answers the time of Redis. */
  beat(entries: ReadonlyArray<Record<string, unknown>>): Promise<number>;
}

/** A tick that this process enqueued. */
export interface CronEnqueued {
  name: string;
  queue: string;
  functionName: string;
  jobId: string;
  due: Date;
  /** From then until Redis had it, in milliseconds. */
  lateMs: number;
}

export interface CronSchedulerSettings {
  plans: readonly CronPlan[];
  /** Never set back. */
  nowMs(): number;
  onEnqueued(enqueued: CronEnqueued): void;
  onTrouble(error: unknown): void;
}

const beatEveryMs = 20_000;
/** What a tick changed is told within this time, however many there are. */
const tellAfterMs = 1_000;

/**
 * Enqueues cron entries when they are due. Several of them, anywhere, do no more than one: Redis decides whose tick it
 * is. All times are those of Redis, told with each answer and counted on by a clock that nobody sets; a process that was
 * frozen learns with its next sign of life how late it is.
 */
export const cronScheduler = (
  hands: CronHands,
  settings: CronSchedulerSettings,
): ActorSpec<CronSchedulerMessage> => ({
  name: 'cron-scheduler',
  mailbox: { capacity: 16, overflow: 'dropOldest' },
  behavior: (context) => {
    let clocks: EntryClock[] | null = null;
    let offsetMs = 0;
    let tries = 0;
    let timer: TimerHandle | null = null;
    let isTold = true;
    const lookIn = (ms: number): void => {
      timer?.cancel();
      timer = context.schedule(Math.max(0, Math.min(ms, beatEveryMs)), { kind: 'look' });
    };
    const tellIn = (ms: number): void => {
      if (isTold) context.schedule(ms, { kind: 'beat' });
      isTold = false;
    };
    const redisNowMs = (): number => settings.nowMs() + offsetMs;
    const sync = (nowMs: number): void => {
      offsetMs = nowMs - settings.nowMs();
    };

    const open = async (): Promise<EntryClock[] | null> => {
      try {
        const { nowMs, lastDuesMs } = await hands.open();
        sync(nowMs);
        clocks = settings.plans.map(
          (plan, index) => new EntryClock(plan, nowMs, lastDuesMs[index] as number),
        );
        tellIn(0);
      } catch (error) {
        settings.onTrouble(error);
        tries += 1;
        lookIn(pauseMs(tries));
      }
      return clocks;
    };

    const tick = async (clock: EntryClock): Promise<void> => {
      const asked = clock.tick();
      try {
        const reply = await hands.tick(asked);
        sync(reply.nowMs);
        clock.answered(reply);
        if (reply.verdict === 'early') return;
        tellIn(tellAfterMs);
        if (reply.verdict === 'enqueued')
          settings.onEnqueued(enqueuedOf(clock.plan, asked.job.id, reply));
      } catch (error) {
        // One queue with a key of a wrong type must not keep the others from being served.
        clock.failed(redisNowMs());
        settings.onTrouble(error);
      }
    };

    return {
      started: () => {
        context.every(beatEveryMs, { kind: 'beat' });
        lookIn(0);
      },
      receive: async ({ kind }) => {
        const entries = clocks ?? (kind === 'look' ? await open() : null);
        if (!entries) return;
        if (kind === 'beat') {
          isTold = true;
          try {
            sync(await hands.beat(entries.map(({ plan, times }) => cronRecordOf(plan, times))));
          } catch (error) {
            settings.onTrouble(error);
          }
        }
        const due = entries.filter(({ wakeMs }) => wakeMs <= redisNowMs());
        await Promise.all(due.map(tick));
        const nextMs = Math.min(...entries.map(({ wakeMs }) => wakeMs));
        lookIn(nextMs - redisNowMs());
      },
    };
  },
});

const enqueuedOf = (plan: CronPlan, jobId: string, reply: CronTickReply): CronEnqueued => ({
  name: plan.name,
  queue: plan.queue,
  functionName: plan.functionName,
  jobId,
  due: new Date(reply.dueMs),
  lateMs: reply.nowMs - reply.dueMs,
});
