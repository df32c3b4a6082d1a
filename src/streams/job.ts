import type { Redis } from 'ioredis';
import { Observable } from 'rxjs';
import { InvalidJobOperationError, NoSuchJobError } from '../redis/errors.js';
import { isTerminal } from '../redis/job-status.js';
import type { JobRecord } from '../redis/job-record.js';
import { fetchJob, readResult, saveMeta } from '../redis/job-store.js';
import { type LifecycleEvent, terminalKinds } from '../redis/lifecycle-event.js';
import { cancel } from '../redis/transitions/cancel.js';
import { deleteJob } from '../redis/transitions/delete.js';
import type { WireSettings } from '../redis/transitions/queue-keys.js';
import { requeue } from '../redis/transitions/requeue.js';
import type { EventLog } from './event-log.js';
import { JobCanceledError, JobExpiredError, JobFailedError, ResultTimeoutError } from './errors.js';

/** What a handle needs to speak with Redis. */
export interface JobDoors {
  redis: Redis;
  log: EventLog;
  wire: WireSettings;
}

/** Unlike events, a hash can be looked at without anybody's help: Python's workers write no events. */
const firstLookMs = 250;
const lastLookMs = 2_000;

/**
 * A handle on one job: its id and its queue. It holds no state of the job; `fetch` reads that.
 */
export class Job<Result = unknown> {
  constructor(
    private readonly doors: JobDoors,
    readonly id: string,
    readonly queue: string,
  ) {}

  /** The job as it is now. RQ: `Job.fetch`. @throws NoSuchJobError */
  fetch(): Promise<JobRecord> {
    return fetchJob(this.doors.redis, this.id);
  }

  /**
   * The result, as soon as there is one. It never hangs and never misses: events bring it at once, and the
   * hash is looked at beside them, so that a Python worker's result comes too.
   *
   * @throws JobFailedError, JobCanceledError, JobExpiredError when the job is gone, ResultTimeoutError,
   * UndecodablePayloadError
   */
  async result({ timeoutMs }: { timeoutMs: number }): Promise<Result> {
    const deadlineMs = performance.now() + timeoutMs;
    let wake: () => void = () => undefined;
    const terminal = new Set<string>(terminalKinds);
    const listening = this.doors.log.listenForJob(this.queue, this.id, (event) => {
      if (terminal.has(event.kind)) wake();
    });
    // The looks at the hash go on without events; Redis away shows there as well.
    listening.catch(() => undefined);
    try {
      // Events first, then the look: what happens in between is told by an event.
      await Promise.race([listening, pause(Math.min(timeoutMs, 2_000))]).catch(() => undefined);
      for (let lookMs = firstLookMs; ; lookMs = Math.min(lookMs * 2, lastLookMs)) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const ended = await this.look(deadlineMs - performance.now());
        if (ended) return ended.value as Result;
        const leftMs = deadlineMs - performance.now();
        if (leftMs <= 0) throw new ResultTimeoutError(this.id, timeoutMs);
        await Promise.race([woken, pause(Math.min(lookMs, leftMs))]);
      }
    } finally {
      void listening.then((end) => end()).catch(() => undefined);
    }
  }

  /**
   * The job's own story: what its queue's log holds of it, then what happens. Cold; each subscriber replays.
   * Completes after the event that ends the job; a requeued job's story goes on to its last end. Where the
   * log was trimmed, the end is told from the hash. Errors with NoSuchJobError when there is neither.
   */
  get events$(): Observable<LifecycleEvent> {
    return new Observable((subscriber) => {
      let end: (() => void) | null = null;
      let isOver = false;
      void this.tell(
        (event) => !isOver && subscriber.next(event),
        () => isOver,
        (stop) => {
          end = stop;
          if (isOver) stop();
        },
      ).then(
        () => subscriber.complete(),
        (error) => subscriber.error(error),
      );
      return () => {
        isOver = true;
        end?.();
      };
    });
  }

  /** Cancels the job: a waiting one never runs, a running one is aborted. RQ: `Job.cancel`. @throws NoSuchJobError, InvalidJobOperationError */
  async cancel(): Promise<void> {
    const was = await cancel(this.doors.redis, this.queue, this.id, this.doors.wire);
    if (was === '') throw new NoSuchJobError(this.id);
    if (was === 'finished' || was === 'failed' || was === 'stopped' || was === 'canceled') {
      throw new InvalidJobOperationError(this.id, 'cancel', `it is ${was} already`);
    }
  }

  /** Removes the job and everything of it; a running one is aborted. False when there was none. RQ: `Job.delete`. */
  delete(): Promise<boolean> {
    return deleteJob(this.doors.redis, this.queue, this.id, this.doors.wire);
  }

  /** Out of the FailedQueue, back to its own queue. RQ: `Job.requeue`. @throws NoSuchJobError, InvalidJobOperationError */
  async requeue({ atFront = false }: { atFront?: boolean } = {}): Promise<void> {
    const [verdict] = await requeue(this.doors.redis, [this.id], atFront, this.doors.wire);
    if (verdict === 'unknown') throw new NoSuchJobError(this.id);
    if (verdict !== 'requeued') {
      throw new InvalidJobOperationError(
        this.id,
        'requeue',
        verdict === 'refused' ? 'a key of its queue has a wrong type' : 'it has not failed',
      );
    }
  }

  /** Replaces the job's meta. RQ: `Job.save_meta`. @throws NoSuchJobError, UnserializableError */
  async saveMeta(meta: Record<string, unknown>): Promise<void> {
    await saveMeta(this.doors.redis, await this.fetch(), meta);
  }

  private async look(leftMs: number): Promise<{ value: unknown } | null> {
    let record: JobRecord;
    try {
      record = await Promise.race([this.fetch(), late(leftMs)]);
      if (record.status === 'canceled') throw new JobCanceledError(this.id);
      if (record.status === null || !isTerminal(record.status)) return null;
      const result = await readResult(this.doors.redis, record);
      if (result?.kind === 'returned') return { value: result.value };
      throw new JobFailedError(this.id, result?.traceback ?? '');
    } catch (error) {
      if (error instanceof NoSuchJobError) throw new JobExpiredError(this.id);
      if (isOurs(error)) throw error;
      return null; // Redis is away: the deadline decides how long we wait for it.
    }
  }

  private async tell(
    next: (event: LifecycleEvent) => void,
    isOver: () => boolean,
    onListening: (end: () => void) => void,
  ): Promise<void> {
    const live: LifecycleEvent[] = [];
    let wake: () => void = () => undefined;
    const endListening = await this.doors.log.listenForJob(this.queue, this.id, (event) => {
      if (event.kind !== 'gap') live.push(event);
      wake();
    });
    onListening(() => {
      endListening();
      wake();
    });
    try {
      let lastCursor = '';
      let ended = false;
      const pass = (event: LifecycleEvent): void => {
        // Replay and live overlap: each event has one cursor.
        if (seen.has(event.cursor)) return;
        seen.add(event.cursor);
        lastCursor = event.cursor;
        ended = (terminalKinds as readonly string[]).includes(event.kind);
        next(event);
      };
      const seen = new Set<string>();
      for await (const event of this.doors.log.replay(this.queue, '0-0')) {
        if (isOver()) return;
        if (event.jobId === this.id) pass(event);
      }
      for (;;) {
        for (const event of live.splice(0)) pass(event);
        if (ended || isOver()) return;
        const record = await this.fetchOrNull();
        if (live.length > 0) continue;
        if (!record && lastCursor === '') throw new NoSuchJobError(this.id);
        const untold = record ? endOf(record, this.queue, lastCursor) : null;
        if (untold || !record) {
          if (untold) next(untold);
          return;
        }
        await Promise.race([
          new Promise<void>((resolve) => {
            wake = resolve;
          }),
          pause(lastLookMs),
        ]);
      }
    } finally {
      endListening();
    }
  }

  private async fetchOrNull(): Promise<JobRecord | null> {
    try {
      return await this.fetch();
    } catch (error) {
      if (error instanceof NoSuchJobError) return null;
      throw error;
    }
  }
}

const endOf = (record: JobRecord, queue: string, cursor: string): LifecycleEvent | null => {
  const common = { queue, jobId: record.id, at: record.endedAt?.getTime() ?? 0, cursor, worker: record.workerName };
  if (record.status === 'finished') {
    const tookMs = (record.endedAt?.getTime() ?? 0) - (record.startedAt?.getTime() ?? 0);
    return { ...common, kind: 'finished', execution: '', tookMs };
  }
  if (record.status === 'failed' || record.status === 'stopped') {
    const lastLine = record.excInfo.trim().split('\n').at(-1) ?? '';
    return { ...common, kind: 'quarantined', reason: lastLine || `status ${record.status}` };
  }
  return record.status === 'canceled' ? { ...common, kind: 'canceled' } : null;
};

const isOurs = (error: unknown): boolean =>
  error instanceof JobFailedError ||
  error instanceof JobCanceledError ||
  (error instanceof Error && error.name === 'UndecodablePayloadError');

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, Math.max(ms, 0)).unref();
  });

const late = (ms: number): Promise<never> =>
  new Promise((_, reject) => {
    setTimeout(() => reject(new Error('Redis did not answer in time')), Math.max(ms, 0)).unref();
  });
