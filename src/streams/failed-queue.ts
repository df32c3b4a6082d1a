import type { Observable } from 'rxjs';
import { InvalidJobOperationError, NoSuchJobError, WrongKeyTypeError } from '../redis/errors.js';
import type { JobRecord } from '../redis/job-record.js';
import { fetchJob, fetchJobs } from '../redis/job-store.js';
import { keys } from '../redis/keys.js';
import { countFailed, type QueueCounts } from '../redis/queue-counts.js';
import { quarantine } from '../redis/transitions/quarantine.js';
import { requeue } from '../redis/transitions/requeue.js';
import { passingOver } from '../redis/wrong-type.js';
import type { Doors } from './doors.js';
import type { EventStream } from './events.js';
import { admitting } from './every-event.js';
import { Job } from './job.js';
import type { From, LogEvent } from './log-page.js';
import { Queue } from './queue.js';
import type { ResultEvent } from './results.js';

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

  protected override checkName(): void {
    // Its name is the one that no other queue may have.
  }

  /** Nothing is enqueued here: jobs come by failing, or by `quarantine`. @throws InvalidJobOperationError */
  override async enqueueWith(): Promise<never> {
    throw new InvalidJobOperationError(
      '(new)',
      'enqueue',
      'the FailedQueue takes failed jobs only; use quarantine',
    );
  }

  /** @throws InvalidJobOperationError */
  override enqueueMany(): Promise<never> {
    return this.enqueueWith();
  }

  /** The FailedQueue is not worked off: requeue its jobs. @throws InvalidJobOperationError */
  override deliveries$(): never {
    throw new InvalidJobOperationError(
      '(any)',
      'consume',
      'the FailedQueue is not worked off; use requeue',
    );
  }

  /** A job here belongs to its own queue: use `rq.fetch`. @throws InvalidJobOperationError */
  override job(id: string): never {
    throw new InvalidJobOperationError(
      id,
      'handle',
      'its own queue is not known yet; use rq.fetch',
    );
  }

  /** Failed jobs have no results. @throws InvalidJobOperationError */
  override results(): never {
    throw new InvalidJobOperationError('(any)', 'read', 'failed jobs have no results');
  }

  /** @throws InvalidJobOperationError */
  override get results$(): Observable<ResultEvent> {
    return this.results();
  }

  /** @throws InvalidJobOperationError */
  override pipeline(): never {
    return this.results();
  }

  /** Each queue has its own: `rq.queue(name).registries.failed`. @throws InvalidJobOperationError */
  override get registries(): never {
    return this.manage('look up the registries of');
  }

  /** @throws InvalidJobOperationError */
  override position(): never {
    return this.manage('find the place of');
  }

  /** Use `requeue`, or `rq.fetch` and `job.delete`. @throws InvalidJobOperationError */
  override remove(): never {
    return this.manage('remove');
  }

  /** @throws InvalidJobOperationError */
  override compact(): never {
    return this.manage('compact');
  }

  /** It is no queue that could be forgotten. See `empty`. @throws InvalidJobOperationError */
  override delete(): never {
    return this.manage('delete');
  }

  private manage(operation: string): never {
    throw new InvalidJobOperationError(
      '(any)',
      operation,
      'the FailedQueue holds jobs of other queues',
    );
  }

  /** `failed` alone: what the failed jobs of all queues are. */
  override async counts(): Promise<QueueCounts> {
    const none = { queued: 0, started: 0, finished: 0, scheduled: 0, deferred: 0, canceled: 0 };
    return { ...none, failed: await this.length() };
  }

  /**
   * How many jobs have failed, in all queues. As in `queue.counts()`, entries whose lifetime is over are none.
   *
   * @throws WrongKeyTypeError when the registry of one is something else
   */
  override async length(): Promise<number> {
    return countFailed(this.doors.redis, await this.doors.queueNames());
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
    const { redis, onTrouble } = this.doors;
    const records = await fetchJobs(redis, await this.ids(offset, count), onTrouble);
    return records.filter((record) => record !== null);
  }

  /**
   * Puts a waiting job aside. RQ 0.x: `FailedQueue.quarantine`.
   *
   * @throws NoSuchJobError; InvalidJobOperationError when the job runs or has ended
   */
  async quarantine(jobId: string, reason: string): Promise<void> {
    const { origin } = await fetchJob(this.doors.redis, jobId);
    const was = await quarantine(
      this.doors.redis,
      origin,
      jobId,
      reason,
      `Quarantined: ${reason}`,
      this.doors.wire,
    );
    if (was === '') throw new NoSuchJobError(jobId);
    if (
      was !== 'queued' &&
      was !== 'created' &&
      was !== 'scheduled' &&
      was !== 'deferred' &&
      was !== 'rate_limited'
    ) {
      throw new InvalidJobOperationError(jobId, 'quarantine', `it is ${was}`);
    }
  }

  /**
   * Puts one failed job back on its own queue. RQ 0.x: `FailedQueue.requeue`.
   *
   * @throws NoSuchJobError; InvalidJobOperationError when it has not failed
   */
  requeue(jobId: string, options: RequeueOptions = {}): Promise<void> {
    return new Job(this.doors, jobId, this.name).requeue(options);
  }

  /**
   * Requeues many by id, in this order. Answers how many moved; those that have not failed (any more) are
   * passed over.
   *
   * @throws WrongKeyTypeError when Redis holds something else where a job's queue should be; the others moved
   */
  async requeueMany(
    jobIds: readonly string[],
    { atFront = false }: RequeueOptions = {},
  ): Promise<number> {
    // Each goes before the one that went before it: the last comes first, so that the first is first in the end.
    const ids = atFront ? [...jobIds].reverse() : jobIds;
    let moved = 0;
    let refused = 0;
    for (let from = 0; from < ids.length; from += chunk) {
      const part = ids.slice(from, from + chunk);
      const verdicts = await requeue(this.doors.redis, part, atFront, this.doors.wire);
      moved += verdicts.filter((verdict) => verdict === 'requeued').length;
      refused += verdicts.filter((verdict) => verdict === 'refused').length;
    }
    if (refused > 0) throw new WrongKeyTypeError(`${refused} jobs cannot go back to their queues`);
    return moved;
  }

  /** Requeues every job that has failed by now; those that fail again meanwhile stay. Answers how many moved. */
  requeueAll(options: RequeueOptions = {}): Promise<number> {
    return this.requeueWhere(() => true, options);
  }

  /** Requeues the failed jobs that the predicate picks. Answers how many moved. */
  async requeueWhere(
    picks: (job: JobRecord) => boolean,
    options: RequeueOptions = {},
  ): Promise<number> {
    const picked: string[] = [];
    for await (const record of this.records()) if (picks(record)) picked.push(record.id);
    return this.requeueMany(picked, options);
  }

  /** Deletes every failed job. Answers how many. */
  override async empty(): Promise<number> {
    let removed = 0;
    for await (const part of this.pages()) {
      const jobs = part.map(({ id, origin }) => this.doors.job(id, origin).delete());
      removed += (await Promise.all(jobs)).filter((was) => was).length;
    }
    return removed;
  }

  /** `quarantined` and `requeued` of every queue. Cold: each subscriber reads for itself. See `Rq.eventsOfAll`. */
  override get events$(): Observable<LogEvent> {
    return this.events('now');
  }

  /**
   * `quarantined`, `requeued` and gaps of every queue. A cursor is a place in the log of one queue: it is none here.
   *
   * @throws RangeError for a cursor
   */
  override events(from: From): EventStream {
    if (from !== 'now' && from !== 'start') {
      throw new RangeError('The FailedQueue reads the logs of all queues: it has no cursor');
    }
    return admitting(this.doors.eventsOfEveryQueue(from), isOfFailedQueue);
  }

  private async *records(): AsyncGenerator<JobRecord> {
    for await (const part of this.pages()) yield* part;
  }

  // The list first, for its order; then the registries, which hold what Python failed. Judged by the hash: an
  // entry of the list whose job is not failed is a leftover of somebody else's requeue. One key of a wrong type keeps
  // no other job here: it is told, and passed over.
  private async *pages(): AsyncGenerator<JobRecord[]> {
    const { redis, onTrouble } = this.doors;
    const seen = new Set<string>();
    const failedOf = async (ids: readonly string[]): Promise<JobRecord[]> => {
      const fresh = ids.filter((id) => !seen.has(id));
      for (const id of fresh) seen.add(id);
      const records = await fetchJobs(redis, fresh, onTrouble);
      return records.filter((record) => record !== null).filter(hasFailed);
    };
    const listed = await passingOver(redis.lrange(keys.failedQueue, 0, -1), [], onTrouble);
    for (let from = 0; from < listed.length; from += chunk) {
      yield await failedOf(listed.slice(from, from + chunk));
    }
    for (const queue of await this.doors.queueNames()) {
      const ids = await passingOver(redis.zrange(keys.failed(queue), '0', '-1'), [], onTrouble);
      for (let from = 0; from < ids.length; from += chunk) {
        yield await failedOf(ids.slice(from, from + chunk));
      }
    }
  }
}

const hasFailed = ({ status }: JobRecord): boolean => status === 'failed' || status === 'stopped';

const isOfFailedQueue = ({ kind }: LogEvent): boolean =>
  kind === 'quarantined' || kind === 'requeued' || kind === 'gap';
