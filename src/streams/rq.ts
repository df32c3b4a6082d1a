import type { Redis } from 'ioredis';
import { Observable, defer, from as fromPromise, mergeMap } from 'rxjs';
import { type RedisAddress, closeConnection, describeAddress, openBlockingConnection, openCommandConnection } from '../redis/connection.js';
import { InvalidOptionError } from '../redis/errors.js';
import type { JobRecord } from '../redis/job-record.js';
import { fetchJob } from '../redis/job-store.js';
import { keys, queueNameOf } from '../redis/keys.js';
import { type WireSettings, defaultWireSettings } from '../redis/transitions/queue-keys.js';
import { type DeliveriesOptions, deliveriesOf } from './deliveries.js';
import type { Delivery } from './delivery.js';
import type { Doors } from './doors.js';
import { EventLog, type LogEvent } from './event-log.js';
import { EventStream, type From } from './events.js';
import { FailedQueue } from './failed-queue.js';
import { Job } from './job.js';
import { Queue } from './queue.js';

export interface RqOptions {
  /** Where Redis is: a URL, or ioredis' options. Default: `REDIS_URL`, else `redis://localhost:6379`. */
  url?: RedisAddress;
  /** How long `enqueue` may try, in milliseconds, before it rejects. Default 10,000. */
  enqueueDeadlineMs?: number;
  /** Leases, lifetimes and sizes; see `WireSettings`. */
  wire?: Partial<WireSettings>;
  /** Told of what the streams cannot say: a consumer that Redis refuses. Default: nothing. */
  onTrouble?: (error: unknown) => void;
}

const known = new Set(['url', 'enqueueDeadlineMs', 'wire', 'onTrouble']);

/** The door to one Redis: its queues, its jobs, their events. Connects when it is first used; `close` when done. */
export class Rq {
  private readonly doors: Doors;
  private readonly queues = new Map<string, Queue>();
  private readonly address: RedisAddress;
  /** The queue named `failed`. */
  readonly failedQueue: FailedQueue;

  /** @throws InvalidOptionError */
  constructor(options: RqOptions = {}) {
    for (const option of Object.keys(options)) {
      if (!known.has(option)) throw new InvalidOptionError(option, `it is none of ${[...known].join(', ')}`);
    }
    this.address = options.url ?? process.env.REDIS_URL ?? 'redis://localhost:6379';
    const redis = openCommandConnection(this.address);
    const blocking = (): Redis => openBlockingConnection(this.address);
    const wire = { ...defaultWireSettings, ...options.wire };
    const log = new EventLog(redis, blocking);
    const command = (): Redis => openCommandConnection(this.address);
    this.doors = {
      redis,
      log,
      wire,
      enqueueDeadlineMs: options.enqueueDeadlineMs ?? 10_000,
      queueNames: () => this.queueNames(),
      job: (id, queue) => new Job(this.doors, id, queue),
      eventsOf: (queues, from) => new EventStream(log, queues, from),
      eventsOfAll: (from) =>
        defer(() => fromPromise(this.queueNames())).pipe(mergeMap((queues) => new EventStream(log, queues, from))),
      deliveries: (queues, deliveries) => deliveriesOf({ command, blocking }, queues, wire, deliveries, options.onTrouble),
    };
    this.failedQueue = new FailedQueue(this.doors);
  }

  /** The queue of this name; `failed` gives the FailedQueue. @throws InvalidNameError */
  queue(name = 'default'): Queue {
    if (name === 'failed') return this.failedQueue;
    const known = this.queues.get(name);
    if (known) return known;
    const queue = new Queue(this.doors, name);
    this.queues.set(name, queue);
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

  /** A job by its id, whichever queue it is of. RQ: `Job.fetch`. @throws NoSuchJobError */
  async fetch<Result = unknown>(id: string): Promise<{ job: Job<Result>; record: JobRecord }> {
    const record = await fetchJob(this.doors.redis, id);
    return { job: new Job<Result>(this.doors, id, record.origin), record };
  }

  /** Lifecycle events of several queues, merged; in order within each queue. See `Queue.events`. */
  events(queues: readonly string[], from: From = 'now'): EventStream {
    return new EventStream(this.doors.log, queues, from);
  }

  /** Lifecycle events of every queue that exists when this is subscribed to. */
  eventsOfAll(from: From = 'now'): Observable<LogEvent> {
    return this.doors.eventsOfAll(from);
  }

  /** Jobs of several queues, to be settled by hand, in strict order of the queues. See `Queue.deliveries$`. */
  deliveries$(queues: readonly string[], options: DeliveriesOptions = {}): Observable<Delivery> {
    for (const queue of queues) this.queue(queue);
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

  /** Closes the connections and ends the event streams' reading. Pending calls reject. */
  async close(): Promise<void> {
    this.doors.log.close();
    closeConnection(this.doors.redis);
  }

  /** The address without credentials. */
  toString(): string {
    return `Rq(${describeAddress(this.address)})`;
  }
}
