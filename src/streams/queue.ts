import { type MonoTypeOperatorFunction, type Observable, share, takeUntil, timer } from 'rxjs';
import { parentsFirst } from '../redis/depends-on.js';
import { dateMs, pauseMsOf } from '../redis/due.js';
import type { Duration } from '../redis/duration.js';
import { Enqueuer } from '../redis/enqueuer.js';
import {
  DuplicateJobError,
  InvalidJobOperationError,
  InvalidOptionError,
  WrongKeyTypeError,
} from '../redis/errors.js';
import type { JobOptions } from '../redis/job-options.js';
import type { JobRecord } from '../redis/job-record.js';
import { fetchJobs } from '../redis/job-store.js';
import { keys } from '../redis/keys.js';
import { checkQueueName } from '../redis/names.js';
import { newJobOf } from '../redis/new-job.js';
import { type QueueCounts, readCounts } from '../redis/queue-counts.js';
import { checkWaitReplicas, type WaitReplicas } from '../redis/replicas.js';
import { spaceOf } from '../redis/scan.js';
import {
  limitStarts,
  type StartLimit,
  startLimitOf,
  unlimitStarts,
} from '../redis/start-limits.js';
import {
  type Pause,
  type PauseOptions,
  pauseQueue,
  queuePauseOf,
  resumeQueue,
} from '../redis/suspension.js';
import { deleteJob } from '../redis/transitions/delete.js';
import { empty } from '../redis/transitions/empty.js';
import type { EnqueueVerdict, NewJob } from '../redis/transitions/enqueue.js';
import { compact, forgetQueue, withdraw } from '../redis/transitions/queue-upkeep.js';
import { refuse } from '../redis/wrong-type.js';
import type { Task } from '../tasks.js';
import type { DeliveriesOptions } from './deliveries.js';
import type { Delivery } from './delivery.js';
import type { Doors } from './doors.js';
import type { EventStream } from './events.js';
import { Job } from './job.js';
import type { From, LogEvent } from './log-page.js';
import { checkParents } from './parents-in-space.js';
import { checkPipeline, type PipelineSettings, pipelineOf } from './pipeline.js';
import { type Registries, registriesOf } from './registry.js';
import { type ResultEvent, resultsOf } from './results.js';

/** Which handler to call: a task of `defineTasks`, or a name, for handlers whose code is elsewhere. */
export type Callable<Args extends unknown[], Result> = Task<Args, Result> | string;

/** What may be said of a job, and of the call that enqueues it. */
export interface EnqueueOptions extends JobOptions {
  /**
   * Resolve only once so many replicas have the job in their memory; 0 takes back the default of the `Rq`. When they do
   * not say so in time it rejects with `NotReplicatedError`, and the job is enqueued all the same.
   */
  waitReplicas?: WaitReplicas;
}

/** One job of `enqueueMany`. */
export interface JobSpec {
  name: string | Task<never[], unknown>;
  args?: readonly unknown[];
  options?: EnqueueOptions;
}

/** A pipeline from one queue to another. See `Queue.pipeline`. */
export interface PipelineOptions<T, Args extends unknown[]>
  extends PipelineSettings<T, NoInfer<Args>> {
  /** The queue of the jobs it makes; of the same `Rq`, or on a cluster of another space. */
  to: Queue;
  /** What they call. */
  call: Callable<Args, unknown>;
}

/** A FIFO queue of jobs: the Redis list `rq:queue:<name>`, what is put on it, and the streams that come out of it. */
export class Queue {
  protected readonly enqueuer: Enqueuer;
  private confirming: Enqueuer | null = null;
  private shared$: Observable<LogEvent> | null = null;
  private sharedResults$: Observable<ResultEvent> | null = null;
  private theRegistries: Registries | null = null;

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
  enqueue<Args extends unknown[], Result>(
    callable: Callable<Args, Result>,
    ...args: Args
  ): Promise<Job<Result>> {
    return this.enqueueWith({}, callable, ...args);
  }

  /**
   * Enqueues a call with options. With `dependsOn` it is deferred until the jobs that it names have ended.
   *
   * @throws also InvalidOptionError, InvalidNameError, DuplicateJobError, DependencyCycleError, NotReplicatedError
   */
  async enqueueWith<Args extends unknown[], Result>(
    options: EnqueueOptions,
    callable: Callable<Args, Result>,
    ...args: Args
  ): Promise<Job<Result>> {
    const job = this.prepareToConfirm(callable, args, options);
    checkVerdict(await this.enqueuerOf(job).add(job), job.id, options);
    if (this.doors.onEnqueued) await this.doors.onEnqueued();
    return this.job<Result>(job.id);
  }

  /**
   * Schedules a call for a date; one that has passed is enqueued at once. While it waits it is in
   * `rq:scheduled:<queue>`, where RQ's schedulers find it as well. RQ: `Queue.enqueue_at`.
   *
   * @throws as `enqueue`; InvalidOptionError
   */
  async enqueueAt<Args extends unknown[], Result>(
    at: Date,
    callable: Callable<Args, Result>,
    ...args: Args
  ): Promise<Job<Result>> {
    dateMs('at', at);
    return this.enqueueWith({ at }, callable, ...args);
  }

  /**
   * Schedules a call after a pause from now: seconds, as in all options, or text such as `'10m'`. For less than a
   * second there is `enqueueWith({ inMs })`. RQ: `Queue.enqueue_in`.
   *
   * @throws as `enqueue`; InvalidOptionError
   */
  async enqueueIn<Args extends unknown[], Result>(
    pause: Duration,
    callable: Callable<Args, Result>,
    ...args: Args
  ): Promise<Job<Result>> {
    return this.enqueueWith({ inMs: pauseMsOf('pause', pause) }, callable, ...args);
  }

  /**
   * Enqueues many calls, hundreds in a round trip. All are checked before the first is written. When it throws
   * after that (DuplicateJobError, Redis), the others may have been written. Jobs that wait for others are written
   * after those that do not, each after its parents: they may name jobs of the same call. RQ: `Queue.enqueue_many`.
   *
   * @throws as `enqueueWith`
   */
  async enqueueMany(specs: readonly JobSpec[]): Promise<Job[]> {
    const jobs = specs.map(({ name, args = [], options = {} }) =>
      this.prepareToConfirm(name, args, options),
    );
    const confirmed = jobs.find(({ replicas }) => replicas);
    const enqueuer = confirmed ? this.enqueuerOf(confirmed) : this.enqueuer;
    const waiting = parentsFirst(jobs.filter(({ after }) => after));
    const plain = waiting.length === 0 ? jobs : jobs.filter(({ after }) => !after);
    const verdicts = new Map<NewJob, EnqueueVerdict>();
    const write = async (part: readonly NewJob[], inOrder: boolean): Promise<void> => {
      const said = await enqueuer.addMany(part, inOrder);
      said.forEach((verdict, index) => {
        verdicts.set(part[index] as NewJob, verdict);
      });
    };
    await write(plain, false);
    if (waiting.length > 0) await write(waiting, true);
    jobs.forEach((job, index) => {
      checkVerdict(verdicts.get(job) as EnqueueVerdict, job.id, specs[index]?.options);
    });
    if (this.doors.onEnqueued) await this.doors.onEnqueued();
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
    const { redis, onTrouble } = this.doors;
    const records = await fetchJobs(redis, await this.ids(offset, count), onTrouble);
    return records.filter((record) => record !== null);
  }

  /**
   * How many jobs are where. As in RQ's counts, entries whose lifetime is over are none; unlike there, looking changes nothing.
   *
   * @throws WrongKeyTypeError when the list or a registry is something else: it has no number
   */
  async counts(): Promise<QueueCounts> {
    return (await readCounts(this.doors.redis, this.name, refuse)) as QueueCounts;
  }

  /** Its registries: which jobs are running, finished, failed, … RQ: `Queue.started_job_registry` and so on. */
  get registries(): Registries {
    this.theRegistries ??= registriesOf(this.doors, this.name);
    return this.theRegistries;
  }

  /** How many jobs are before this one; `null` when it does not wait here. RQ: `Queue.get_job_position`. */
  position(job: string | Job): Promise<number | null> {
    return this.doors.redis.lpos(keys.queue(this.name), idOf(job));
  }

  /**
   * Takes a waiting job out of the queue: it is canceled, or deleted. False when it does not wait here. RQ's
   * `Queue.remove` leaves it `queued` and in no list.
   */
  remove(job: string | Job, { deleteJob: isDeleted = false } = {}): Promise<boolean> {
    const { redis, wire } = this.doors;
    return isDeleted
      ? deleteJob(redis, this.name, idOf(job), wire, ['queued'])
      : withdraw(redis, this.name, idOf(job), wire);
  }

  /**
   * No worker of ours takes a job of this queue from now on, until `resume` or for so many seconds; what runs runs on,
   * and new jobs may come. Python's workers know nothing of it. @throws InvalidOptionError
   */
  pause(options: PauseOptions = {}): Promise<void> {
    return pauseQueue(this.doors.redis, this.name, options);
  }

  /** Workers take jobs of this queue again, within a second. Whether it was paused. */
  resume(): Promise<boolean> {
    return resumeQueue(this.doors.redis, this.name);
  }

  /** Whether it is paused. That all workers are suspended does not count here. */
  async isPaused(): Promise<boolean> {
    return (await this.currentPause()) !== null;
  }

  /** For how long it is paused yet; `null` when it is not. */
  currentPause(): Promise<Pause | null> {
    return queuePauseOf(this.doors.redis, this.name);
  }

  /**
   * From now on workers of ours take at most `max` jobs of this queue in any `perSeconds`, all together. What is over
   * waits in the queue; other queues go on. Python's workers know nothing of it. @throws InvalidOptionError
   */
  limit(limit: StartLimit): Promise<void> {
    return limitStarts(this.doors.redis, this.name, limit);
  }

  /** Lifts that limit; workers notice within a second. Whether there was one. */
  unlimit(): Promise<boolean> {
    return unlimitStarts(this.doors.redis, this.name);
  }

  /** That limit, and how much of it is used; `null` when there is none. */
  startLimit(): Promise<(StartLimit & { used: number }) | null> {
    return startLimitOf(this.doors.redis, this.name);
  }

  /** Deletes every waiting job. Answers how many. RQ: `Queue.empty`. */
  empty(): Promise<number> {
    return empty(this.doors.redis, this.name, this.doors.wire);
  }

  /** Takes ids out of the queue whose jobs are gone. Answers how many. RQ: `Queue.compact`. */
  compact(): Promise<number> {
    return compact(this.doors.redis, this.name);
  }

  /**
   * Deletes every waiting job, and the queue from the list of known ones; running and ended jobs stay as they are.
   * A job that is enqueued brings it back. Answers how many jobs were deleted. RQ: `Queue.delete`.
   *
   * @throws InvalidJobOperationError when others enqueue as fast as it deletes
   */
  async delete(): Promise<number> {
    let deleted = 0;
    for (let tries = 0; tries < 10; tries++) {
      deleted += await this.empty();
      if (await forgetQueue(this.doors.redis, this.name)) return deleted;
    }
    const reason = `queue ${this.name} is filled as fast as it is emptied`;
    throw new InvalidJobOperationError('(all)', 'delete', reason);
  }

  /**
   * Lifecycle events of this queue's jobs, from the moment of the first subscription: what is given to the same
   * `Rq` later comes after it. Hot and shared: one reader for all subscribers. Never errors: while Redis is
   * away it waits, and goes on where it was. Completes when the `Rq` is closed. Events that were trimmed away
   * meanwhile are told by one of kind `gap`.
   */
  get events$(): Observable<LogEvent> {
    this.shared$ ??= this.events('now').pipe(shareForAWhile(this.doors.closed$));
    return this.shared$;
  }

  /**
   * Lifecycle events from the oldest kept, or after a cursor. Cold: each subscription reads for itself.
   * `await events('now').ready()` fixes the begin.
   *
   * @throws RangeError for a cursor that is none
   */
  events(from: From): EventStream {
    return this.doors.eventsOf([this.name], from);
  }

  /**
   * Results of finished jobs, from the moment of the first subscription, in the order in which the jobs
   * finished. Hot and shared. A result that is gone comes as kind `missing`, trimmed events as `gap`. Python's
   * workers write no events: results of jobs that they ran do not come here.
   */
  get results$(): Observable<ResultEvent> {
    this.sharedResults$ ??= this.results('now').pipe(shareForAWhile(this.doors.closed$));
    return this.sharedResults$;
  }

  /**
   * Results from the oldest whose event is kept, or after a cursor. Cold. They are fetched a hundred at a time,
   * the next when the last were taken. See `results$`.
   *
   * @throws RangeError for a cursor that is none
   */
  results<T = unknown>(from: From): Observable<ResultEvent<T>> {
    return resultsOf<T>(this.doors, this.name, from);
  }

  /**
   * Passes the results of this queue on as jobs of another one, while it is subscribed to. Emits each new job
   * once Redis has it. Cold; any number of processes may host the same pipeline.
   *
   * Each result becomes its jobs exactly once, whatever is killed when: the jobs and the place up to which the
   * pipeline has read are written in one step, and it begins at that place again. It reads no faster than Redis
   * takes the jobs, and waits while Redis is away or full. What is lost is told, never passed over in silence:
   * see `onLost` and `onError`. Results must be kept long enough (`resultTtlSeconds`) to outlive a stop.
   * Python's workers write no events: a stage that they work on ends the pipeline's view.
   *
   * ```ts
   * downloads.pipeline({
   *   name: 'parse-what-was-downloaded',
   *   to: pages,
   *   call: tasks.parse,
   *   through: (result$: Observable<Result<Page>>) => result$.pipe(
   *     filter(({ value }) => value.status === 200),
   *     map(({ value }) => [value.url, value.html] as const),
   *   ),
   * }).subscribe({ error: (error) => logger.error(error) });
   * ```
   *
   * @throws InvalidOptionError, InvalidNameError; RangeError for a cursor that is none
   */
  pipeline<T, Args extends unknown[]>(options: PipelineOptions<T, Args>): Observable<Job> {
    const { to, call, ...settings } = options;
    if (!(to instanceof Queue) || !isReachable(this.doors, to.doors) || to.name === 'failed') {
      throw new InvalidOptionError(
        'to',
        'it must be a queue of the same Rq, or of another space of the cluster, and not the FailedQueue',
      );
    }
    checkPipeline(options as unknown as PipelineSettings<never, never>);
    const end = {
      doors: to.doors,
      queue: to.name,
      newJob: (args: Readonly<Args>, jobOptions: JobOptions) => to.prepare(call, args, jobOptions),
      job: (id: string) => to.job(id),
    };
    return pipelineOf(this.doors, this.name, end, settings);
  }

  /** Jobs to be settled by hand, as many at a time as `concurrency`. Cold: each subscription is a consumer. */
  deliveries$(options: DeliveriesOptions = {}): Observable<Delivery> {
    return this.doors.deliveries([this.name], options);
  }

  private prepareToConfirm(
    callable: string | Task<never[], unknown>,
    args: readonly unknown[],
    options: EnqueueOptions,
  ): NewJob {
    if (!('waitReplicas' in options || this.doors.waitReplicas))
      return this.prepare(callable, args, options);
    const { waitReplicas, ...rest } = options;
    const replicas =
      waitReplicas === undefined ? this.doors.waitReplicas : checkWaitReplicas(waitReplicas);
    const job = this.prepare(callable, args, rest);
    const ofDuplicate = options.onDuplicate === 'keep';
    return replicas ? { ...job, replicas: { ...replicas, ofDuplicate } } : job;
  }

  private enqueuerOf({ replicas: isConfirmed }: NewJob): Enqueuer {
    if (!isConfirmed) return this.enqueuer;
    if (!this.confirming) {
      const { wire, enqueueDeadlineMs, replicas } = this.doors;
      const asked = replicas();
      this.confirming = new Enqueuer(asked.redis, this.name, wire, enqueueDeadlineMs, asked);
    }
    return this.confirming;
  }

  private prepare(
    callable: string | Task<never[], unknown>,
    args: readonly unknown[],
    options: JobOptions,
  ): NewJob {
    const name = typeof callable === 'string' ? callable : callable.name;
    checkParents(options.dependsOn, spaceOf(this.doors.redis));
    return newJobOf(name, args, options, this.doors.cipher);
  }
}

const isReachable = (from: Doors, to: Doors): boolean =>
  from === to || (spaceOf(from.redis) !== null && spaceOf(to.redis) !== null);

const idOf = (job: string | Job): string => (typeof job === 'string' ? job : job.id);

/** @throws DuplicateJobError, WrongKeyTypeError */
const checkVerdict = (verdict: EnqueueVerdict, id: string, options: JobOptions = {}): void => {
  if (verdict instanceof Error) throw verdict;
  if (verdict === 'duplicate' && options.onDuplicate !== 'keep') throw new DuplicateJobError(id);
  if (verdict === 'refused')
    throw new WrongKeyTypeError(`Job ${id}: the key of group ${options.groupId} is no set`);
};

// A reader that ended with its last subscriber would begin anew at "now" for the next one.
const shareForAWhile = <T>(closed$: Observable<void>): MonoTypeOperatorFunction<T> =>
  share({ resetOnRefCountZero: () => timer(1_000).pipe(takeUntil(closed$)) });
