import { Observable, share, timer } from 'rxjs';
import { v4 as uuid } from 'uuid';
import { Enqueuer } from '../redis/enqueuer.js';
import { DuplicateJobError } from '../redis/errors.js';
import { type JobOptions, fieldsOf } from '../redis/job-options.js';
import { keys } from '../redis/keys.js';
import { checkQueueName } from '../redis/names.js';
import { describeCall, encodeCallForWire } from '../redis/payload/index.js';
import { fetchJobs } from '../redis/job-store.js';
import type { JobRecord } from '../redis/job-record.js';
import { empty } from '../redis/transitions/empty.js';
import type { NewJob } from '../redis/transitions/enqueue.js';
import type { Task } from '../tasks.js';
import type { DeliveriesOptions } from './deliveries.js';
import type { Delivery } from './delivery.js';
import type { LogEvent } from './event-log.js';
import { EventStream, type From } from './events.js';
import { Job } from './job.js';
import type { Doors } from './doors.js';

/** Which handler to call: a task of `defineTasks`, or a name, for handlers whose code is elsewhere. */
export type Callable<Args extends unknown[], Result> = Task<Args, Result> | string;

/** One job of `enqueueMany`. */
export interface JobSpec {
  name: string | Task<never[], unknown>;
  args?: readonly unknown[];
  options?: JobOptions;
}

/** How many jobs of a queue are where. RQ: the queue's and its registries' counts. */
export interface QueueCounts {
  queued: number;
  started: number;
  finished: number;
  failed: number;
  scheduled: number;
  deferred: number;
  canceled: number;
}

/** A FIFO queue of jobs: the Redis list `rq:queue:<name>`, what is put on it, and the streams that come out of it. */
export class Queue {
  protected readonly enqueuer: Enqueuer;
  private shared$: Observable<LogEvent> | null = null;

  /** @throws InvalidNameError */
  constructor(
    protected readonly doors: Doors,
    readonly name: string,
  ) {
    this.checkName(name);
    this.enqueuer = new Enqueuer(doors.redis, name, doors.wire, doors.enqueueDeadlineMs);
  }

  protected checkName(name: string): void {
    checkQueueName(name);
  }

  /**
   * Enqueues a call. Resolves once Redis has it. Arguments are positional; keyword arguments for Python go
   * into `enqueueWith`. RQ: `Queue.enqueue`.
   *
   * @throws UnserializableError with the path of the value; RedisFullError; RedisUnavailableError
   */
  enqueue<Args extends unknown[], Result>(callable: Callable<Args, Result>, ...args: Args): Promise<Job<Result>> {
    return this.enqueueWith({}, callable, ...args);
  }

  /**
   * Enqueues a call with options.
   *
   * @throws also InvalidOptionError, InvalidNameError, DuplicateJobError
   */
  async enqueueWith<Args extends unknown[], Result>(
    options: JobOptions,
    callable: Callable<Args, Result>,
    ...args: Args
  ): Promise<Job<Result>> {
    const job = this.prepare(callable, args, options);
    const verdict = await this.enqueuer.add(job);
    if (verdict === 'duplicate' && options.onDuplicate !== 'keep') throw new DuplicateJobError(job.id);
    return this.job<Result>(job.id);
  }

  /**
   * Enqueues many calls, a thousand in a round trip. All are checked before the first is written. RQ:
   * `Queue.enqueue_many`.
   *
   * @throws as `enqueueWith`
   */
  async enqueueMany(specs: readonly JobSpec[]): Promise<Job[]> {
    const jobs = specs.map(({ name, args = [], options = {} }) => this.prepare(name, args, options));
    const verdicts = await this.enqueuer.addMany(jobs);
    verdicts.forEach((verdict, index) => {
      if (verdict === 'duplicate' && specs[index]?.options?.onDuplicate !== 'keep') {
        throw new DuplicateJobError((jobs[index] as NewJob).id);
      }
    });
    return jobs.map(({ id }) => this.job(id));
  }

  /** A handle on a job of this queue. Nothing is read. */
  job<Result = unknown>(id: string): Job<Result> {
    return new Job<Result>(this.doors, id, this.name);
  }

  /** How many jobs wait. RQ: `Queue.count`. */
  length(): Promise<number> {
    return this.doors.redis.llen(keys.queue(this.name));
  }

  /** Ids of waiting jobs, the next one first. RQ: `Queue.get_job_ids`. */
  ids(offset = 0, count = 1_000): Promise<string[]> {
    return this.doors.redis.lrange(keys.queue(this.name), offset, offset + count - 1);
  }

  /** Waiting jobs, the next one first; ids without a job are left out. RQ: `Queue.get_jobs`. */
  async jobs(offset = 0, count = 100): Promise<JobRecord[]> {
    const records = await fetchJobs(this.doors.redis, await this.ids(offset, count));
    return records.filter((record) => record !== null);
  }

  /** How many jobs are where, in one round trip; unlike RQ's counts, looking changes nothing. */
  async counts(): Promise<QueueCounts> {
    const replies = await this.doors.redis
      .pipeline()
      .llen(keys.queue(this.name))
      .zcard(keys.wip(this.name))
      .zcard(keys.finished(this.name))
      .zcard(keys.failed(this.name))
      .zcard(keys.scheduled(this.name))
      .zcard(keys.deferred(this.name))
      .zcard(keys.canceled(this.name))
      .exec();
    const [queued, started, finished, failed, scheduled, deferred, canceled] = (replies ?? []).map(([error, count]) => {
      if (error) throw error;
      return Number(count);
    }) as [number, number, number, number, number, number, number];
    return { queued, started, finished, failed, scheduled, deferred, canceled };
  }

  /** Deletes every waiting job. Answers how many. RQ: `Queue.empty`. */
  empty(): Promise<number> {
    return empty(this.doors.redis, this.name, this.doors.wire);
  }

  /**
   * Lifecycle events of this queue's jobs, from the moment of the subscription. Hot and shared: one reader
   * for all subscribers. Never completes and never errors: while Redis is away it waits, and goes on where it
   * was. Events that were trimmed away meanwhile are told by one of kind `gap`.
   */
  get events$(): Observable<LogEvent> {
    this.shared$ ??= this.events('now').pipe(
      // A reader that ended with its last subscriber would begin anew at "now" for the next one.
      share({ resetOnRefCountZero: () => timer(1_000) }),
    );
    return this.shared$;
  }

  /**
   * Lifecycle events from the oldest kept, or after a cursor. Cold: each subscription reads for itself.
   * `await events('now').ready()` fixes the begin.
   */
  events(from: From): EventStream {
    return new EventStream(this.doors.log, [this.name], from);
  }

  /** Jobs to be settled by hand, as many at a time as `concurrency`. Cold: each subscription is a consumer. */
  deliveries$(options: DeliveriesOptions = {}): Observable<Delivery> {
    return this.doors.deliveries([this.name], options);
  }

  private prepare(callable: string | Task<never[], unknown>, args: readonly unknown[], options: JobOptions): NewJob {
    const functionName = typeof callable === 'string' ? callable : callable.name;
    const call = { functionName, instance: null, args: [...args], kwargs: options.kwargs ?? {} };
    return {
      id: options.jobId ?? uuid(),
      ...fieldsOf(options),
      data: encodeCallForWire(call, options.serializer ?? 'json'),
      description: options.description ?? describeCall(call),
    };
  }
}
