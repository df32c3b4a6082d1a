import type { Redis } from 'ioredis';
import { type Observable, ReplaySubject } from 'rxjs';
import { Cipher, type EncryptionOptions, readWith } from '../redis/cipher.js';
import {
  addressOr,
  closeConnection,
  describeAddress,
  openBlockingConnection,
  openCommandConnection,
  type RedisAddress,
} from '../redis/connection.js';
import {
  cronJobIds,
  cronNames,
  type ListedCronScheduler,
  listCronSchedulers,
} from '../redis/cron-records.js';
import { InvalidOptionError } from '../redis/errors.js';
import { executionsOfWorker } from '../redis/executions.js';
import { JobEnds } from '../redis/job-ends.js';
import type { JobRecord } from '../redis/job-record.js';
import { fetchJob, fetchJobs } from '../redis/job-store.js';
import { keys, queueNameOf } from '../redis/keys.js';
import { checkKnown } from '../redis/known-options.js';
import { checkQueueName } from '../redis/names.js';
import { type ListedRateLimit, listRateLimits, rateLimitedIds } from '../redis/rate-limits.js';
import { checkWaitReplicas, Replicas, type WaitReplicas } from '../redis/replicas.js';
import {
  type Pause,
  type PauseOptions,
  resume,
  suspend,
  suspensionOf,
} from '../redis/suspension.js';
import { planWire, type WireSettings } from '../redis/transitions/queue-keys.js';
import { type ListedWorker, listWorkers } from '../redis/worker-records.js';
import { type Consumer, type DeliveriesOptions, deliveriesOf } from './deliveries.js';
import type { Delivery } from './delivery.js';
import type { Doors } from './doors.js';
import { EventLog } from './event-log.js';
import { type EventStream, eventsOf } from './events.js';
import { eventsOfEveryQueue } from './every-event.js';
import { FailedQueue } from './failed-queue.js';
import { Group } from './group.js';
import { Job } from './job.js';
import type { From } from './log-page.js';
import { Queue } from './queue.js';
import { WorkerHandle } from './worker-handle.js';

export interface RqOptions {
  /** Where Redis is: a URL, or ioredis' options. Default: `REDIS_URL`, else `redis://localhost:6379`. */
  url?: RedisAddress;
  /** How long `enqueue` may try, in milliseconds, before it rejects. Default 10,000. */
  enqueueDeadlineMs?: number;
  /** Replicas that must have each job before its enqueueing resolves; see `EnqueueOptions`. Default: none. */
  waitReplicas?: WaitReplicas;
  /** Leases, lifetimes and sizes; see `WireSettings`. */
  wire?: Partial<WireSettings>;
  /** Encrypts arguments, meta, results and tracebacks. See docs/security.md. Default: nothing is. */
  encryption?: EncryptionOptions;
  /**
   * Told of what the streams cannot say: a consumer that Redis refuses, a key of a wrong type that a listing passes over.
   * Default: nothing.
   */
  onTrouble?: (error: unknown) => void;
}

const known = new Set([
  'url',
  'enqueueDeadlineMs',
  'waitReplicas',
  'wire',
  'encryption',
  'onTrouble',
]);

/** The door to one Redis: its queues, its jobs, their events. Connects when it is first used; `close` when done. */
export class Rq {
  private readonly doors: Doors;
  private readonly knownQueues = new Map<string, Queue>();
  // With #, as it may hold a password: nothing that prints objects sees it.
  readonly #address: RedisAddress;
  private readonly closed$ = new ReplaySubject<void>(1);
  private readonly consumers = new Set<Consumer>();
  private replicas: Replicas | null = null;
  /** The queue named `failed`. */
  readonly failedQueue: FailedQueue;

  /**
   * @param onEnqueued awaited after each enqueue; for those who run jobs in place
   * @throws InvalidOptionError
   */
  constructor(options: RqOptions = {}, onEnqueued: Doors['onEnqueued'] = null) {
    checkKnown(options, known);
    // Before anything is opened: what throws here must leave nothing behind.
    const wire = planWire(options.wire);
    const waitReplicas = checkWaitReplicas(options.waitReplicas);
    const cipher = options.encryption ? new Cipher(options.encryption) : null;
    this.#address = addressOr(options.url);
    const redis = openCommandConnection(this.#address);
    readWith(redis, cipher);
    const blocking = (): Redis => openBlockingConnection(this.#address);
    const command = (): Redis => openCommandConnection(this.#address);
    const onTrouble = options.onTrouble ?? (() => undefined);
    const log = new EventLog(redis, blocking, onTrouble);
    this.doors = {
      redis,
      log,
      ends: new JobEnds(redis),
      closed$: this.closed$,
      wire,
      cipher,
      onTrouble,
      enqueueDeadlineMs: options.enqueueDeadlineMs ?? 10_000,
      waitReplicas,
      replicas: () => {
        this.replicas ??= new Replicas(command());
        return this.replicas;
      },
      onEnqueued,
      queueNames: () => this.queueNames(),
      job: (id, queue) => new Job(this.doors, id, queue),
      eventsOf: (queues, from) => eventsOf(this.doors, queues, from),
      eventsOfEveryQueue: (from) => eventsOfEveryQueue(this.doors, from),
      deliveries: (queues, deliveries) =>
        deliveriesOf(
          { command, blocking, onTrouble, cipher, consumers: this.consumers },
          queues,
          wire,
          deliveries,
        ),
    };
    this.failedQueue = new FailedQueue(this.doors);
  }

  /** The queue of this name; `failed` gives the FailedQueue. @throws InvalidNameError */
  queue(name = 'default'): Queue {
    if (name === 'failed') return this.failedQueue;
    const known = this.knownQueues.get(name);
    if (known) return known;
    const queue = new Queue(this.doors, name);
    this.knownQueues.set(name, queue);
    return queue;
  }

  /** Names of all queues that ever had a job, sorted. RQ: `Queue.all`. */
  async queueNames(): Promise<string[]> {
    const members = await this.doors.redis.smembers(keys.queues);
    return members
      .map(queueNameOf)
      .filter((name): name is string => name !== null && name !== 'failed')
      .sort();
  }

  /** All queues that ever had a job, sorted by name. RQ: `Queue.all`. */
  async queues(): Promise<Queue[]> {
    return (await this.queueNames()).map((name) => this.queue(name));
  }

  /** Jobs under one name, of any queues. Nothing is read. RQ: `Group`. @throws InvalidNameError */
  group(name: string): Group {
    return new Group(this.doors, name);
  }

  /** Names of all groups that have jobs, sorted. RQ: `Group.all`. */
  async groupNames(): Promise<string[]> {
    return (await this.doors.redis.smembers(keys.groups)).sort();
  }

  /** Jobs by their ids, in one round trip; `null` where there is none. RQ: `Job.fetch_many`. */
  fetchMany(ids: readonly string[]): Promise<Array<JobRecord | null>> {
    return fetchJobs(this.doors.redis, ids, this.doors.onTrouble);
  }

  /** What a worker runs now. RQ 3: `Worker.get_current_executions`. */
  async executionsOf(
    worker: string,
  ): Promise<Array<{ jobId: string; execution: string; queue: string }>> {
    const known = (await this.workers()).find(({ name }) => name === worker);
    const { redis, onTrouble } = this.doors;
    return executionsOfWorker(redis, worker, known?.queues ?? [], onTrouble);
  }

  /** Workers that listen to one of the queues, or all that are registered, Node's and Python's. Changes nothing. RQ: `Worker.all`. */
  workers(queues?: readonly string[]): Promise<ListedWorker[]> {
    return listWorkers(this.doors.redis, queues, this.doors.onTrouble);
  }

  /**
   * No worker, Node's or Python's, takes a job from now on, until `resume` or for so many seconds; what runs runs on.
   * Workers in a burst end. A Python worker that waits for a job still takes one. RQ: `suspend`.
   *
   * @throws InvalidOptionError
   */
  suspend(options: PauseOptions = {}): Promise<void> {
    return suspend(this.doors.redis, options);
  }

  /** Workers take jobs again, within a second. Whether they were suspended. RQ: `resume`. */
  resume(): Promise<boolean> {
    return resume(this.doors.redis);
  }

  /** RQ: `is_suspended`. */
  async isSuspended(): Promise<boolean> {
    return (await this.suspension()) !== null;
  }

  /** For how long all workers are suspended yet; `null` when they are not. */
  suspension(): Promise<Pause | null> {
    return suspensionOf(this.doors.redis);
  }

  /** A handle on the worker of this name, to command it. Nothing is read. @throws InvalidNameError */
  worker(name: string): WorkerHandle {
    return new WorkerHandle(this.doors.redis, name);
  }

  /** Rate limits by key that jobs hold or wait for now. RQ 3: `RateLimit`. */
  rateLimits(): Promise<ListedRateLimit[]> {
    return listRateLimits(this.doors.redis, this.doors.onTrouble);
  }

  /** Ids of jobs that wait for a slot of this key, the next one first. */
  rateLimitedIds(key: string, count = 1_000): Promise<string[]> {
    return rateLimitedIds(this.doors.redis, key, count);
  }

  /** Cron processes that are alive, Node's and Python's, with their entries. Changes nothing. RQ: `CronScheduler.all`. */
  cronSchedulers(): Promise<ListedCronScheduler[]> {
    return listCronSchedulers(this.doors.redis, this.doors.onTrouble);
  }

  /** Names of cron entries that enqueued, Node's and Python's 2.12, the latest at the end. RQ: `cron_job_registry.get_names`. */
  cronNames(): Promise<string[]> {
    return cronNames(this.doors.redis);
  }

  /** Ids of the jobs that the cron entries of this name made, the newest first. 1,000 are kept. RQ: `get_cron_job_ids`. */
  cronJobIds(name: string, offset = 0, count = 1_000): Promise<string[]> {
    return cronJobIds(this.doors.redis, name, offset, count);
  }

  /** A job by its id, whichever queue it is of. RQ: `Job.fetch`. @throws NoSuchJobError */
  async fetch<Result = unknown>(id: string): Promise<{ job: Job<Result>; record: JobRecord }> {
    const record = await fetchJob(this.doors.redis, id);
    return { job: new Job<Result>(this.doors, id, record.origin), record };
  }

  /**
   * Lifecycle events of several queues, merged; in order within each queue. See `Queue.events`.
   *
   * @throws RangeError for a cursor that is none, or one cursor for several queues
   */
  events(queues: readonly string[], from: From = 'now'): EventStream {
    return this.doors.eventsOf(queues, from);
  }

  /** Lifecycle events of every queue; those that come to be later are found within two seconds, and nothing of them is missed. */
  eventsOfAll(from: 'now' | 'start' = 'now'): EventStream {
    return this.doors.eventsOfEveryQueue(from);
  }

  /**
   * Jobs of several queues, to be settled by hand, in strict order of the queues. See `Queue.deliveries$`.
   *
   * @throws InvalidOptionError; InvalidNameError, also for `failed`, which is not worked off
   */
  deliveries$(queues: readonly string[], options: DeliveriesOptions = {}): Observable<Delivery> {
    if (queues.length === 0) throw new InvalidOptionError('queues', 'it must name at least one');
    queues.forEach(checkQueueName);
    return this.doors.deliveries(queues, options);
  }

  /** The connection for commands of your own. */
  get redis(): Redis {
    return this.doors.redis;
  }

  /** Leases, lifetimes and sizes in force. */
  get wire(): WireSettings {
    return this.doors.wire;
  }

  /**
   * Completes all streams, hands back what consumers have not settled, and closes the connections.
   * Pending calls reject. While Redis is away nothing can be handed back: leases run out by themselves.
   */
  async close(): Promise<void> {
    this.closed$.next();
    this.doors.log.close();
    await Promise.all([...this.consumers].map((consumer) => consumer.leave()));
    if (this.replicas) closeConnection(this.replicas.redis);
    closeConnection(this.doors.redis);
  }

  /** The address without credentials. */
  toString(): string {
    return `Rq(${describeAddress(this.#address)})`;
  }
}
