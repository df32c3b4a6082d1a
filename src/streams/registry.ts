import { dateMs } from '../redis/due.js';
import { InvalidJobOperationError, NoSuchJobError } from '../redis/errors.js';
import type { JobRecord } from '../redis/job-record.js';
import { fetchJobs } from '../redis/job-store.js';
import {
  findEntry,
  type RegistryEntry,
  type RegistryKind,
  readDue,
  readEntries,
  registryKinds,
  unregister,
} from '../redis/registry-store.js';
import { deleteJob } from '../redis/transitions/delete.js';
import { requeueFrom } from '../redis/transitions/requeue.js';
import type { Doors } from './doors.js';

/** A part of a registry: from which entry on, and how many. */
export interface Paging {
  offset?: number;
  count?: number;
  /** From the last entry on. Default false. */
  desc?: boolean;
}

/**
 * One of a queue's registries: which jobs are in this state, in the order of their scores. The score says when a
 * lease ends (started), until when a job is kept (finished, failed), when it is due (scheduled) or came here
 * (deferred, canceled). Nothing is cleaned by looking, as it is in RQ. RQ: `BaseRegistry`.
 */
export class Registry {
  constructor(
    protected readonly doors: Doors,
    readonly queue: string,
    readonly kind: RegistryKind,
  ) {}

  /** How many entries there are; those of jobs that have expired are counted until a worker cleans. */
  count(): Promise<number> {
    return this.doors.redis.zcard(registryKinds[this.kind].key(this.queue));
  }

  /** Entries with their scores. Default: the first 1,000. */
  entries({ offset = 0, count = 1_000, desc = false }: Paging = {}): Promise<RegistryEntry[]> {
    return readEntries(this.doors.redis, this.kind, this.queue, offset, count, desc);
  }

  /** Ids of the jobs. Default: the first 1,000 entries. RQ: `get_job_ids`. */
  async ids(paging?: Paging): Promise<string[]> {
    const entries = await this.entries(paging);
    return [...new Set(entries.map(({ jobId }) => jobId))];
  }

  /** The jobs; ids without one are left out. Default: the first 100 entries. */
  async jobs({ count = 100, ...paging }: Paging = {}): Promise<JobRecord[]> {
    const { redis, onTrouble } = this.doors;
    const records = await fetchJobs(redis, await this.ids({ count, ...paging }), onTrouble);
    return records.filter((record) => record !== null);
  }

  /** The entry of a job; `null` when it has none. RQ: `get_expiration_time`. */
  entry(id: string): Promise<RegistryEntry | null> {
    return findEntry(this.doors.redis, this.kind, this.queue, id);
  }

  /** Whether it has an entry of the job. RQ: `in`. */
  async contains(id: string): Promise<boolean> {
    return (await this.entry(id)) !== null;
  }

  /**
   * Removes an entry that is left over, or with `deleteJob` the job that belongs here, entry and all. A job that
   * belongs here does not lose its entry alone: it would be in no place. False when there was no such entry.
   * RQ: `remove`.
   *
   * @throws InvalidJobOperationError
   */
  async remove(id: string, { deleteJob: isDeleted = false } = {}): Promise<boolean> {
    const { redis, wire } = this.doors;
    if (isDeleted) {
      const { statuses } = registryKinds[this.kind];
      if (await deleteJob(redis, this.queue, id, wire, statuses)) return true;
    }
    const was = await unregister(redis, this.kind, this.queue, id);
    if (was === 'removed' || was === '') return was === 'removed';
    throw new InvalidJobOperationError(
      id,
      `take out of the ${this.kind} registry`,
      `it is ${was}, and would be in no place; deleteJob removes both`,
    );
  }
}

/** The failed registry, out of which jobs can go back to their queue. */
export class FailedRegistry extends Registry {
  constructor(doors: Doors, queue: string) {
    super(doors, queue, 'failed');
  }

  /** Back to its own queue. RQ: `requeue`. @throws NoSuchJobError, InvalidJobOperationError */
  requeue(id: string, options: { atFront?: boolean } = {}): Promise<void> {
    return this.doors.job(id, this.queue).requeue(options);
  }
}

/** The registry of finished, of deferred or of canceled jobs, which can go back to their queue as well. */
export class RequeuingRegistry extends Registry {
  constructor(
    doors: Doors,
    queue: string,
    override readonly kind: 'finished' | 'deferred' | 'canceled',
  ) {
    super(doors, queue, kind);
  }

  /**
   * Back to its queue, to run once more: a deferred job whatever it waits for, a finished one without its result. A
   * canceled one may be running still: that run is aborted, and its outcome refused as `lost`. RQ: `requeue`.
   *
   * @throws NoSuchJobError; InvalidJobOperationError when it is in another state, or of another queue
   */
  async requeue(id: string, { atFront = false }: { atFront?: boolean } = {}): Promise<void> {
    const { redis, wire } = this.doors;
    const was = await requeueFrom(redis, this.kind, this.queue, id, atFront, wire);
    if (was === '') throw new NoSuchJobError(id);
    if (was === 'moved') return;
    if (was === 'elsewhere')
      throw new InvalidJobOperationError(id, 'requeue', 'it is of another queue');
    const reason = was === this.kind ? 'it is not in the registry' : `it is ${was}`;
    throw new InvalidJobOperationError(id, 'requeue', reason);
  }
}

/** The scheduled registry: its scores are the times at which the jobs come to their queue. RQ: `ScheduledJobRegistry`. */
export class ScheduledRegistry extends Registry {
  constructor(doors: Doors, queue: string) {
    super(doors, queue, 'scheduled');
  }

  /** When a job is due; `null` when it is not scheduled here. RQ: `get_scheduled_time`. */
  async dueAt(id: string): Promise<Date | null> {
    return (await this.entry(id))?.at ?? null;
  }

  /**
   * Entries of jobs that are due by `until`, the first one first. Default: by now, by the clock of Redis, and the first
   * 1,000 of them: what a scheduler moves next. RQ: `get_jobs_to_schedule`, `get_jobs_to_enqueue`.
   *
   * @throws InvalidOptionError
   */
  async due({
    until,
    offset = 0,
    count = 1_000,
  }: Omit<Paging, 'desc'> & { until?: Date } = {}): Promise<RegistryEntry[]> {
    const untilMs = until === undefined ? null : dateMs('until', until);
    return readDue(this.doors.redis, this.queue, untilMs, offset, count);
  }

  /** Gives a scheduled job another time. RQ: `schedule`. @throws NoSuchJobError, InvalidJobOperationError, InvalidOptionError */
  schedule(id: string, at: Date): Promise<void> {
    return this.doors.job(id, this.queue).reschedule(at);
  }

  /** To its queue now, as `job.promote` does. RQ: `requeue`. @throws NoSuchJobError, InvalidJobOperationError */
  requeue(id: string): Promise<void> {
    return this.doors.job(id, this.queue).promote();
  }
}

/** A queue's registries. `ready` is RQ 3's and empty elsewhere. */
export interface Registries {
  readonly started: Registry;
  readonly finished: RequeuingRegistry;
  readonly failed: FailedRegistry;
  readonly deferred: RequeuingRegistry;
  readonly scheduled: ScheduledRegistry;
  readonly canceled: RequeuingRegistry;
  readonly ready: Registry;
}

export const registriesOf = (doors: Doors, queue: string): Registries => {
  const of = (kind: RegistryKind) => new Registry(doors, queue, kind);
  return {
    started: of('started'),
    finished: new RequeuingRegistry(doors, queue, 'finished'),
    failed: new FailedRegistry(doors, queue),
    deferred: new RequeuingRegistry(doors, queue, 'deferred'),
    scheduled: new ScheduledRegistry(doors, queue),
    canceled: new RequeuingRegistry(doors, queue, 'canceled'),
    ready: of('ready'),
  };
};
