import { moves } from '../../../src/redis/job-status.js';
import type { LifecycleEvent } from '../../../src/redis/lifecycle-event.js';

type Status = keyof typeof moves;

/** Statuses as the events alone tell them. What others do silently is told by hand. */
export class EventPath {
  private readonly statuses: Map<string, Status>;

  constructor(before?: EventPath) {
    this.statuses = new Map(before?.statuses);
  }

  /** @throws when the move is none that a job can make */
  tell(event: LifecycleEvent): void {
    const { jobId } = event;
    switch (event.kind) {
      case 'enqueued':
        if (this.statuses.has(jobId)) throw new Error(`${jobId} was enqueued while it was there`);
        this.statuses.set(jobId, 'queued');
        break;
      case 'started':
        this.move(event, 'started');
        break;
      case 'finished':
        this.move(event, 'finished');
        break;
      case 'retried':
        this.move(event, event.delaySeconds > 0 ? 'scheduled' : 'queued');
        break;
      case 'quarantined':
        this.move(event, 'failed');
        break;
      case 'requeued':
      case 'recovered':
        this.move(event, 'queued');
        break;
      case 'handedBack':
        // A held job was queued all the time.
        if (this.statuses.get(jobId) !== 'queued') this.move(event, 'queued');
        break;
      case 'canceled':
        this.move(event, 'canceled');
        break;
      case 'deleted':
        if (!this.statuses.delete(jobId)) throw new Error(`${jobId} was deleted and was not there`);
        break;
      case 'failed':
        if (this.statuses.get(jobId) !== 'started')
          throw new Error(`${jobId} failed while it did not run`);
        break;
      default:
        break;
    }
  }

  /** Somebody changed it without an event. */
  silently(jobId: string, status: Status | null): void {
    if (status === null) this.statuses.delete(jobId);
    else this.statuses.set(jobId, status);
  }

  statusOf(jobId: string): string | null {
    return this.statuses.get(jobId) ?? null;
  }

  private move({ jobId, kind }: LifecycleEvent, to: Status): void {
    const from = this.statuses.get(jobId);
    if (from === undefined) throw new Error(`${jobId} ${kind}, and it is not there`);
    if (!(moves[from] as readonly string[]).includes(to))
      throw new Error(`${jobId} went from ${from} to ${to} (${kind})`);
    this.statuses.set(jobId, to);
  }
}
