import { TransientMap } from '../redis/transient-map.js';
import type { ClaimedJob, Settlement } from '../redis/transitions/settlement.js';
import type { Settled } from './recorder.js';

/** What a worker did in its life. */
export interface WorkerSummary {
  finished: number;
  failed: number;
  /** Ids of jobs whose fate Redis could not be told before the worker had to leave. Their leases run out. */
  left: readonly string[];
}

/** What a worker has in hand and has done, and how many jobs it may take. */
export class Tally {
  private readonly inHand = new TransientMap<string, ClaimedJob>();
  /** Executions that are not in hand, whose callbacks take an executor. */
  private readonly lent = new Set<string>();
  private finished = 0;
  private failed = 0;
  private ran = 0;
  private parked = 0;
  private wanted = { start: 0, hold: 0 };
  private isClosed = false;

  constructor(
    private readonly maxJobs: number,
    /** How many jobs may run, and how many more may be held. */
    private readonly setRoom: (start: number, hold: number) => void,
  ) {}

  /** Jobs that were claimed and not settled, the oldest first. */
  get jobs(): readonly ClaimedJob[] {
    return [...this.inHand.values()];
  }

  /** The one that has been here longest. */
  get oldest(): ClaimedJob | undefined {
    return this.inHand.values().next().value;
  }

  get isBusy(): boolean {
    return this.inHand.size > 0 || this.isLending;
  }

  /** Whether callbacks are run, or are to be, of jobs that are not in hand. */
  get isLending(): boolean {
    return this.lent.size > 0;
  }

  /** Whether this run was claimed and not settled. */
  holds(execution: string): boolean {
    return this.inHand.has(execution);
  }

  /** Whether as many jobs ended as the worker was to run. */
  get isDone(): boolean {
    return this.ran >= this.maxJobs;
  }

  get summary(): WorkerSummary {
    const { finished, failed, jobs } = this;
    return { finished, failed, left: jobs.map(({ jobId }) => jobId) };
  }

  claimed(jobs: readonly ClaimedJob[]): void {
    for (const job of jobs) this.inHand.set(job.execution, job);
  }

  /** A job has ended; Redis has yet to be told. */
  ended({ kind }: Settlement['end']): void {
    if (this.maxJobs === Number.POSITIVE_INFINITY || kind === 'back' || kind === 'pass') return;
    this.ran += 1;
    this.tellRoom();
  }

  settled({ job, verdict }: Settled): void {
    this.inHand.delete(job.execution);
    if (verdict === 'finished') this.finished += 1;
    if (verdict === 'quarantined' || verdict === 'stopped') this.failed += 1;
  }

  /** A callback is to be run for a job that is not in hand, or not any more. */
  lend(execution: string): void {
    this.lent.add(execution);
    this.tellRoom();
  }

  /** It was, or nobody will. */
  giveBack(execution: string): void {
    if (this.lent.delete(execution)) this.tellRoom();
  }

  want(start: number, hold: number): void {
    this.wanted = { start, hold };
    this.tellRoom();
  }

  /** So many jobs in hand need no executor, and get no room taken away. */
  park(count: number): void {
    this.parked = count;
    this.tellRoom();
  }

  /** No more jobs. */
  close(): void {
    this.isClosed = true;
    this.tellRoom();
  }

  private tellRoom(): void {
    if (this.isClosed) {
      this.setRoom(0, 0);
      return;
    }
    const { start, hold } = this.wanted;
    const mayStart = Math.min(start, this.maxJobs - this.ran);
    // With a number to keep to, nothing is claimed that might not be run.
    const mayHold = this.maxJobs === Number.POSITIVE_INFINITY ? hold : 0;
    // An executor that is lent takes no job meanwhile.
    const room = mayStart + this.parked - this.lent.size;
    this.setRoom(mayStart > 0 ? Math.max(0, room) : 0, mayHold);
  }
}
