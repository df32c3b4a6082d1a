import type { Redis } from 'ioredis';
import type { Observable } from 'rxjs';
import type { Cipher } from '../redis/cipher.js';
import type { JobEnds } from '../redis/job-ends.js';
import type { Replicas } from '../redis/replicas.js';
import type { ReplicaWait } from '../redis/transitions/enqueue.js';
import type { WireSettings } from '../redis/transitions/queue-keys.js';
import type { DeliveriesOptions } from './deliveries.js';
import type { Delivery } from './delivery.js';
import type { EventLog } from './event-log.js';
import type { EventStream } from './events.js';
import type { Job } from './job.js';
import type { From } from './log-page.js';

/** What queues and jobs of one `Rq` share: its connection, its reader of events, its settings. */
export interface Doors {
  redis: Redis;
  log: EventLog;
  /** Reads how jobs ended. */
  ends: JobEnds;
  wire: WireSettings;
  /** Encrypts what jobs carry; `null` leaves them plain. */
  cipher: Cipher | null;
  enqueueDeadlineMs: number;
  /** Replicas that must confirm each job, unless its options say otherwise. */
  waitReplicas: ReplicaWait | null;
  /** Opened by the first job that waits for replicas. */
  replicas(): Replicas;
  /** Awaited after each enqueue, where jobs are run in place. */
  onEnqueued: (() => Promise<void>) | null;
  /** Names of all queues known to Redis. */
  queueNames(): Promise<string[]>;
  /** Emits once, when the `Rq` is closed: everything that flows ends with it. */
  closed$: Observable<void>;
  /** Told of what the streams cannot say. */
  onTrouble(error: unknown): void;
  job(id: string, queue: string): Job;
  eventsOf(queues: readonly string[], from: From): EventStream;
  /** Events of every queue, also of those that come to be later. */
  eventsOfEveryQueue(from: 'now' | 'start'): EventStream;
  deliveries(queues: readonly string[], options: DeliveriesOptions): Observable<Delivery>;
}
