import type { Redis } from 'ioredis';
import type { Observable } from 'rxjs';
import type { WireSettings } from '../redis/transitions/queue-keys.js';
import type { DeliveriesOptions } from './deliveries.js';
import type { Delivery } from './delivery.js';
import type { EventLog, LogEvent } from './event-log.js';
import type { EventStream, From } from './events.js';
import type { Job } from './job.js';

/** What queues and jobs of one `Rq` share: its connection, its reader of events, its settings. */
export interface Doors {
  redis: Redis;
  log: EventLog;
  wire: WireSettings;
  enqueueDeadlineMs: number;
  /** Names of all queues known to Redis. */
  queueNames(): Promise<string[]>;
  job(id: string, queue: string): Job;
  eventsOf(queues: readonly string[], from: From): EventStream;
  /** Events of every queue that exists when it is subscribed to. */
  eventsOfAll(from: From): Observable<LogEvent>;
  deliveries(queues: readonly string[], options: DeliveriesOptions): Observable<Delivery>;
}
