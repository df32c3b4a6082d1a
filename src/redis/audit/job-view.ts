/** Registries besides `rq:wip`, by the status that belongs there. */
export const registryOf = {
  finished: 'finished',
  failed: 'failed',
  stopped: 'failed',
  scheduled: 'scheduled',
  deferred: 'deferred',
  canceled: 'canceled',
} as const;

export type Registry = (typeof registryOf)[keyof typeof registryOf];
export const registries: readonly Registry[] = [
  'finished',
  'failed',
  'scheduled',
  'deferred',
  'canceled',
];

/** Fields that an audit reads of a hash, in the order in which `read-jobs.lua` gives them. */
export const fieldNames = [
  'status',
  'origin',
  'created_at',
  'enqueued_at',
  'started_at',
  'ended_at',
  'last_heartbeat',
  'timeout',
  'ttl',
  'result_ttl',
  'failure_ttl',
  'retries_left',
  'x_exec',
  'x_attempt',
  'allow_dependency_failures',
  'dependency_ids',
  'x_unmet',
  'rate_limit_key',
  'group_id',
] as const;

export type FieldName = (typeof fieldNames)[number];

/** A job's hash, as far as an audit looks. Bytes as latin1; long values are cut. */
export interface HashView {
  fields: Readonly<Partial<Record<FieldName, string>>>;
  hasData: boolean;
  /** -1 when it never expires. */
  expiresInMs: number;
}

/** A member of `rq:wip`. */
export interface LeaseView {
  queue: string;
  execution: string;
  /** The member itself: an id alone, when RQ 1 wrote it. */
  member: string;
  score: string;
}

/** Where a job's id stands. */
export interface Places {
  /** The queue of each entry in a list: twice there, twice here. */
  waiting: string[];
  /** Queues in whose in-flight list it is. */
  inFlight: string[];
  leases: LeaseView[];
  registered: Array<{ registry: Registry; queue: string; score: string }>;
  inFailedQueue: number;
}

/** All that is known of a job at one moment, or nearly at one. */
export interface JobView extends Places {
  id: string;
  hash: HashView | 'missing' | 'wrongType';
}

export const noPlaces = (): Places => ({
  waiting: [],
  inFlight: [],
  leases: [],
  registered: [],
  inFailedQueue: 0,
});

/** Time and leases against which views are judged. */
export interface Clock {
  nowMs: number;
  /** How long after its end a lease may go unrecovered, in milliseconds. */
  graceMs: number;
  /** End of a worker's lease on a queue, in milliseconds; `undefined` when it has none. */
  workerLease(queue: string, execution: string): number | undefined;
}
