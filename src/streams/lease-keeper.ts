import type { Redis } from 'ioredis';
import { failureKind } from '../redis/failure.js';
import { keys } from '../redis/keys.js';
import { TransientMap } from '../redis/transient-map.js';
import { extend, type LeaseVerdict } from '../redis/transitions/extend.js';
import type { ClaimedJob } from '../redis/transitions/settlement.js';
import type { IntakeSettings } from './intake.js';

const mostAtOnce = 1_000;

interface Kept {
  job: ClaimedJob;
  sinceMs: number;
  beaten: boolean;
}

export interface LeaseEvents {
  /** The job is not ours any more: recovered by others, deleted or canceled. Called once for each. */
  onRevoked(job: ClaimedJob, verdict: Exclude<LeaseVerdict, 'extended'>): void;
  onTrouble(error: unknown): void;
}

/**
 * Keeps the leases of everything that a worker holds, from the parent's own loop, so that a handler that
 * blocks its child never looks dead.
 */
export class LeaseKeeper {
  private readonly kept = new TransientMap<string, Kept>();
  private timer: NodeJS.Timeout | null = null;
  private isRenewing = false;
  private isWanted = false;
  private stopped = false;

  constructor(
    private readonly redis: Redis,
    private readonly settings: IntakeSettings,
    private readonly events: LeaseEvents,
  ) {}

  /** Takes out the worker's own lease on each queue, and renews from then on. @throws what Redis throws */
  async start(): Promise<void> {
    await Promise.all(this.settings.queues.map((queue) => this.renew(queue)));
    if (this.stopped) return;
    // A quarter of the promise: three may fail in a row.
    this.timer = setInterval(() => void this.renewAll(), this.settings.wire.narrowLeaseMs / 4);
  }

  keep(jobs: readonly ClaimedJob[]): void {
    const now = performance.now();
    for (const job of jobs) this.kept.set(job.execution, { job, sinceMs: now, beaten: false });
  }

  /** Lets go of a job. Whether its lease was ever extended, which the settlement has to say. */
  release(execution: string): boolean {
    const kept = this.kept.get(execution);
    this.kept.delete(execution);
    return kept?.beaten ?? false;
  }

  stop(): void {
    this.stopped = true;
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
  }

  /** Stops and gives the worker's leases back: only when nothing is held any more. Best effort: they run out. */
  async leave(): Promise<void> {
    this.stop();
    const { queues, tag } = this.settings;
    await Promise.all(queues.map((queue) => this.redis.zrem(keys.leases(queue), tag))).catch(
      (error) => this.tell(error),
    );
  }

  /**
   * Renews now, and so learns at once what became of the jobs. Each queue for itself: one that Redis refuses
   * must not cost the others their leases.
   */
  async renewAll(): Promise<void> {
    // Whoever asks while a renewal is under way wants to know what has changed since it began.
    this.isWanted = true;
    if (this.isRenewing) return;
    this.isRenewing = true;
    const { queues } = this.settings;
    while (this.isWanted && !this.stopped) {
      this.isWanted = false;
      await Promise.all(
        queues.map((queue) => this.renew(queue).catch((error) => this.tell(error))),
      );
    }
    this.isRenewing = false;
  }

  private tell(error: unknown): void {
    if (failureKind(error) !== 'transient') this.events.onTrouble(error);
  }

  private async renew(queue: string): Promise<void> {
    const all = [...this.kept.values()].filter(({ job }) => job.queue === queue);
    for (let from = 0; from === 0 || from < all.length; from += mostAtOnce) {
      const part = all.slice(from, from + mostAtOnce);
      // Before the answer: an extension whose reply is lost has written the execution keys too.
      for (const kept of part) kept.beaten = true;
      const { worker, tag, wire } = this.settings;
      const verdicts = await extend(this.redis, { name: worker, tag }, queue, part, wire);
      part.forEach(({ job }, index) => {
        const verdict = verdicts[index];
        if (!verdict || verdict === 'extended' || !this.kept.delete(job.execution)) return;
        this.events.onRevoked(job, verdict);
      });
    }
  }
}
