import { type Observable, filter } from 'rxjs';
import { InvalidJobOperationError, NoSuchJobError } from '../redis/errors.js';
import { fetchJob, fetchJobs } from '../redis/job-store.js';
import type { JobRecord } from '../redis/job-record.js';
import { keys } from '../redis/keys.js';
import type { EventOf } from '../redis/lifecycle-event.js';
import { quarantine } from '../redis/transitions/quarantine.js';
import { requeue } from '../redis/transitions/requeue.js';
import type { Doors } from './doors.js';
import type { LogEvent } from './event-log.js';
import { EventStream, type From } from './events.js';
import { Queue } from './queue.js';

const chunk = 200;

/** Which failed jobs to requeue. */
export interface RequeueOptions {
  /** To the front of their queues instead of the end. */
  atFront?: boolean;
}

/**
 * Where jobs go that failed for good: the queue named `failed`. Its list keeps the order of quarantine, as
 * RQ 0.x had it; what counts is the status `failed` and RQ's registry of the job's own queue, so that Python's
 * tools see the same. It is looked at and requeued from, never worked off.
 */
export class FailedQueue extends Queue {
  constructor(doors: Doors) {
    super(doors, 'failed');
  }

  protected override checkName(): void {}

  /** Nothing is enqueued here: jobs come by failing, or by `quarantine`. @throws InvalidJobOperationError */
  override async enqueueWith(): Promise<never> {
    throw new InvalidJobOperationError('(new)', 'enqueue', 'the FailedQueue takes failed jobs only; use quarantine');
  }

  /** @throws InvalidJobOperationError */
  override enqueueMany(): Promise<never> {
    return this.enqueueWith();
  }

  /** The FailedQueue is not worked off: requeue its jobs. @throws InvalidJobOperationError */
  override deliveries$(): never {
    throw new InvalidJobOperationError('(any)', 'consume', 'the FailedQueue is not worked off; use requeue');
  }

  /** How many jobs have failed, in all queues. */
  override async length(): Promise<number> {
    const queues = await this.doors.queueNames();
    const counts = await Promise.all(queues.map((queue) => this.doors.redis.zcard(keys.failed(queue))));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Ids of failed jobs, the first quarantined first, then those that Python failed. Leftovers of others are left out. */
  override async ids(offset = 0, count = 1_000): Promise<string[]> {
    const found = new Set<string>();
    for await (const record of this.records()) {
      found.add(record.id);
      if (found.size >= offset + count) break;
    }
    return [...found].slice(offset);
  }

  /** Failed jobs, in the order of `ids`. */
  override async jobs(offset = 0, count = 100): Promise<JobRecord[]> {
    const records = await fetchJobs(this.doors.redis, await this.ids(offset, count));
    return records.filter((record) => record !== null);
  }

  /**
   * Puts a waiting job aside. RQ 0.x: `FailedQueue.quarantine`.
   *
   * @throws NoSuchJobError; InvalidJobOperationError when the job runs or has ended
   */
  async quarantine(jobId: string, reason: string): Promise<void> {
    const { origin } = await fetchJob(this.doors.redis, jobId);
    const was = await quarantine(this.doors.redis, origin, jobId, reason, `Quarantined: ${reason}`, this.doors.wire);
    if (was === '') throw new NoSuchJobError(jobId);
    if (was !== 'queued' && was !== 'created' && was !== 'scheduled' && was !== 'deferred') {
      throw new InvalidJobOperationError(jobId, 'quarantine', `it is ${was}`);
    }
  }

  /**
   * Puts one failed job back on its own queue. RQ 0.x: `FailedQueue.requeue`.
   *
   * @throws NoSuchJobError; InvalidJobOperationError when it has not failed
   */
  requeue(jobId: string, options: RequeueOptions = {}): Promise<void> {
    return this.job(jobId).requeue(options);
  }

  /** Requeues many by id. Answers how many moved; those that have not failed (any more) are passed over. */
  async requeueMany(jobIds: readonly string[], { atFront = false }: RequeueOptions = {}): Promise<number> {
    let moved = 0;
    for (let from = 0; from < jobIds.length; from += chunk) {
      const verdicts = await requeue(this.doors.redis, jobIds.slice(from, from + chunk), atFront, this.doors.wire);
      moved += verdicts.filter((verdict) => verdict === 'requeued').length;
    }
    return moved;
  }

  /** Requeues every job that has failed by now; those that fail again meanwhile stay. Answers how many moved. */
  requeueAll(options: RequeueOptions = {}): Promise<number> {
    return this.requeueWhere(() => true, options);
  }

  /** Requeues the failed jobs that the predicate picks. Answers how many moved. */
  async requeueWhere(picks: (job: JobRecord) => boolean, options: RequeueOptions = {}): Promise<number> {
    const picked: string[] = [];
    for await (const record of this.records()) if (picks(record)) picked.push(record.id);
    return this.requeueMany(picked, options);
  }

  /** Deletes every failed job. Answers how many. */
  override async empty(): Promise<number> {
    let removed = 0;
    for await (const record of this.records()) {
      if (await this.doors.job(record.id, record.origin).delete()) removed += 1;
    }
    return removed;
  }

  /** `quarantined` and `requeued` of every queue that exists at the subscription. Hot, as every queue's. */
  override get events$(): Observable<LogEvent> {
    return this.doors.eventsOfAll('now').pipe(filter(isOfFailedQueue));
  }

  override events(from: From): EventStream {
    return this.doors.eventsOf(['failed'], from);
  }

  // The list first, for its order; then the registries, which hold what Python failed. Both are read in
  // chunks and judged by the hash: an entry whose job is not failed is a leftover of somebody else's requeue.
  private async *records(): AsyncGenerator<JobRecord> {
    const seen = new Set<string>();
    const failedOf = async (ids: readonly string[]): Promise<JobRecord[]> => {
      const fresh = ids.filter((id) => !seen.has(id));
      for (const id of fresh) seen.add(id);
      const records = await fetchJobs(this.doors.redis, fresh);
      return records.filter((record) => record !== null && (record.status === 'failed' || record.status === 'stopped')) as JobRecord[];
    };
    const listed = await this.doors.redis.lrange(keys.failedQueue, 0, -1);
    for (let from = 0; from < listed.length; from += chunk) yield* await failedOf(listed.slice(from, from + chunk));
    for (const queue of await this.doors.queueNames()) {
      const ids = await this.doors.redis.zrange(keys.failed(queue), '0', '-1');
      for (let from = 0; from < ids.length; from += chunk) yield* await failedOf(ids.slice(from, from + chunk));
    }
  }
}

const isOfFailedQueue = (event: LogEvent): event is EventOf<'quarantined' | 'requeued'> =>
  event.kind === 'quarantined' || event.kind === 'requeued';
