import type { Redis } from 'ioredis';
import type { Observable } from 'rxjs';
import { allDependents, dependentsOf } from '../redis/dependents.js';
import { dateMs } from '../redis/due.js';
import { InvalidJobOperationError, InvalidOptionError, NoSuchJobError } from '../redis/errors.js';
import { type Execution, readExecutions } from '../redis/executions.js';
import type { JobEnds } from '../redis/job-ends.js';
import type { JobRecord } from '../redis/job-record.js';
import { type JobResult, readResults } from '../redis/job-results.js';
import { isJobStatus, isTerminal } from '../redis/job-status.js';
import { fetchJob, fetchJobs, saveMeta } from '../redis/job-store.js';
import { keys } from '../redis/keys.js';
import type { LifecycleEvent } from '../redis/lifecycle-event.js';
import { findEntry } from '../redis/registry-store.js';
import { spaceOf } from '../redis/scan.js';
import { cancel } from '../redis/transitions/cancel.js';
import { deleteJob } from '../redis/transitions/delete.js';
import type { WireSettings } from '../redis/transitions/queue-keys.js';
import { requeue } from '../redis/transitions/requeue.js';
import { promote, reschedule } from '../redis/transitions/reschedule.js';
import { awaitResult } from './await-result.js';
import { stopInPython } from './called-off.js';
import type { EventLog } from './event-log.js';
import { storyOf } from './job-story.js';
import { stopJob } from './stop-job.js';

/** What a handle needs to speak with Redis. */
export interface JobDoors {
  redis: Redis;
  log: EventLog;
  /** Reads how jobs ended, on the same connection. */
  ends: JobEnds;
  wire: WireSettings;
  /** Emits once, when the `Rq` is closed. */
  closed$: Observable<void>;
  /** Told of what the streams cannot say. */
  onTrouble(error: unknown): void;
}

/**
 * A handle on one job: its id and its queue. It holds no state of the job; `fetch` reads that.
 */
export class Job<Result = unknown> {
  constructor(
    private readonly doors: JobDoors,
    readonly id: string,
    readonly queue: string,
  ) {}

  /** The space of the cluster that it is in; `null` on a single Redis. */
  get space(): string | null {
    return spaceOf(this.doors.redis);
  }

  /** The job as it is now. RQ: `Job.fetch`. @throws NoSuchJobError */
  fetch(): Promise<JobRecord> {
    return fetchJob(this.doors.redis, this.id);
  }

  /** Whether there is such a job (yet, still). RQ: `Job.exists`. */
  async exists(): Promise<boolean> {
    return (await this.doors.redis.exists(keys.job(this.id))) === 1;
  }

  /**
   * The result, as soon as there is one. It never hangs and never misses: events bring it at once, and the
   * hash is looked at beside them, so that a Python worker's result comes too. With `timeoutMs: 0` it is
   * looked at once, however long Redis takes to answer: five seconds at most for each question.
   *
   * @throws JobFailedError, JobCanceledError, JobExpiredError when the job is gone, ResultTimeoutError,
   * UndecodablePayloadError
   */
  async result({ timeoutMs }: { timeoutMs: number }): Promise<Result> {
    if (!(timeoutMs >= 0)) throw new InvalidOptionError('timeoutMs', 'it must be 0 or more');
    return (await awaitResult(this.doors, this, timeoutMs)) as Result;
  }

  /**
   * The job's own story: what its queue's log holds of it, then what happens. Cold; each subscriber replays.
   * Completes after the event that ends the job; a requeued job's story goes on to its last end. Where the
   * log was trimmed, or a Python worker ran the job, the end is told from the hash. Waits while Redis is away;
   * errors with NoSuchJobError when there is neither an event nor a hash.
   */
  get events$(): Observable<LifecycleEvent> {
    return storyOf(this.doors, this.queue, this.id);
  }

  /**
   * Cancels the job: a waiting one never runs, a running one is aborted. What waits for it waits for ever then, or
   * until somebody cancels it too; with `enqueueDependents` it goes on as if this job had finished. One that a worker of
   * RQ 2.7 or newer runs is stopped first; older ones are not told, and what they make of it counts. RQ: `Job.cancel`,
   * which leaves running jobs alone.
   *
   * @throws NoSuchJobError, InvalidJobOperationError
   */
  async cancel({ enqueueDependents = false }: { enqueueDependents?: boolean } = {}): Promise<void> {
    const { redis, wire } = this.doors;
    const isStopped = await stopInPython(redis, this.id);
    const was = await cancel(redis, this.queue, this.id, wire, { enqueueDependents, isStopped });
    if (was === '') throw new NoSuchJobError(this.id);
    if (isJobStatus(was) && isTerminal(was) && !(was === 'stopped' && isStopped)) {
      throw new InvalidJobOperationError(this.id, 'cancel', `it is ${was} already`);
    }
  }

  /**
   * Stops the job while it runs: its handler's signal is aborted, and what does not end then is killed. Resolves
   * once it has status `stopped`; it is in the FailedQueue then, whatever retries it had. Python's workers hear it as
   * well, and kill at once. RQ: `send_stop_job_command`.
   *
   * @throws NoSuchJobError; InvalidJobOperationError when it does not run, or ended otherwise meanwhile;
   * NoAnswerError when it has not stopped in time, which it still may
   */
  stop({ timeoutMs = 30_000 }: { timeoutMs?: number } = {}): Promise<void> {
    return stopJob(this.doors.redis, this.id, timeoutMs);
  }

  /** A scheduled job: to its queue now. @throws NoSuchJobError, InvalidJobOperationError */
  async promote(): Promise<void> {
    const { redis, wire } = this.doors;
    this.checkScheduled('promote', await promote(redis, this.queue, this.id, wire));
  }

  /** A scheduled job: another time. @throws NoSuchJobError, InvalidJobOperationError, InvalidOptionError */
  async reschedule(at: Date): Promise<void> {
    const { redis, wire } = this.doors;
    const due = { atMs: dateMs('at', at) };
    this.checkScheduled('reschedule', await reschedule(redis, this.queue, this.id, due, wire));
  }

  private checkScheduled(operation: string, was: string): void {
    if (was === '') throw new NoSuchJobError(this.id);
    if (was === 'quarantined')
      throw new InvalidJobOperationError(
        this.id,
        operation,
        'it cannot be read; it was quarantined',
      );
    if (was !== 'moved') {
      const reason = was === 'scheduled' ? 'it is not in the registry' : `it is ${was}`;
      throw new InvalidJobOperationError(this.id, operation, reason);
    }
  }

  /** When it is due; `null` when it is not scheduled. RQ: `ScheduledJobRegistry.get_scheduled_time`. */
  async dueAt(): Promise<Date | null> {
    return (await findEntry(this.doors.redis, 'scheduled', this.queue, this.id))?.at ?? null;
  }

  /**
   * Removes the job and everything of it; a running one is aborted, as by `cancel`. False when there was none. What waits for it
   * counts it as ended, since it is gone, and goes on when nothing else is left to wait for: within some minutes at
   * most, once a worker's janitor finds out. `deleteDependents` deletes first what waits for it, directly or not. RQ: `Job.delete`.
   */
  async delete({
    deleteDependents = false,
  }: {
    deleteDependents?: boolean;
  } = {}): Promise<boolean> {
    const { redis, wire } = this.doors;
    await stopInPython(redis, this.id);
    if (deleteDependents)
      for (const { id, origin } of await allDependents(redis, this.id))
        await deleteJob(redis, origin, id, wire, ['deferred']);
    return deleteJob(redis, this.queue, this.id, wire);
  }

  /** Jobs that wait for this one, and maybe for others too. RQ: `Job.dependent_ids`. */
  async dependents(): Promise<Job[]> {
    const waiting = await dependentsOf(this.doors.redis, this.id);
    return waiting.map(({ id, origin }) => new Job(this.doors, id, origin));
  }

  /** Jobs that this one waits for, or waited for; those that are gone are left out. RQ: `Job.fetch_dependencies`. @throws NoSuchJobError */
  async dependencies(): Promise<Job[]> {
    const { redis, onTrouble } = this.doors;
    const parents = await fetchJobs(redis, (await this.fetch()).dependencyIds, onTrouble);
    return parents.flatMap((parent) =>
      parent ? [new Job(this.doors, parent.id, parent.origin)] : [],
    );
  }

  /** Out of the FailedQueue, back to its own queue. RQ: `Job.requeue`. @throws NoSuchJobError, InvalidJobOperationError */
  async requeue({ atFront = false }: { atFront?: boolean } = {}): Promise<void> {
    const [verdict] = await requeue(this.doors.redis, [this.id], atFront, this.doors.wire);
    if (verdict === 'unknown') throw new NoSuchJobError(this.id);
    if (verdict !== 'requeued') {
      throw new InvalidJobOperationError(
        this.id,
        'requeue',
        verdict === 'refused' ? 'a key of its queue has a wrong type' : 'it has not failed',
      );
    }
  }

  /** Replaces the job's meta. RQ: `Job.save_meta`. @throws NoSuchJobError, UnserializableError */
  async saveMeta(meta: Record<string, unknown>): Promise<void> {
    await saveMeta(this.doors.redis, await this.fetch(), meta);
  }

  /**
   * What is kept of its runs, the newest first: RQ's results stream where the job has one, else what its hash says of
   * the last run. RQ: `Job.results`. @throws NoSuchJobError
   */
  async results({ count = 100 }: { count?: number } = {}): Promise<JobResult[]> {
    return readResults(this.doors.redis, await this.fetch(), count);
  }

  /** The newest of them; `null` when it has not run to an end. RQ: `Job.latest_result`. @throws NoSuchJobError */
  async latestResult(): Promise<JobResult | null> {
    return (await this.results({ count: 1 }))[0] ?? null;
  }

  /** Its running attempts, as their workers' heartbeats tell of them. RQ: `Job.get_executions`. */
  executions(): Promise<Execution[]> {
    return readExecutions(this.doors.redis, this.id);
  }

  /** How many jobs are before it in its queue; `null` when it does not wait there. RQ: `Job.get_position`. */
  position(): Promise<number | null> {
    return this.doors.redis.lpos(keys.queue(this.queue), this.id);
  }
}
