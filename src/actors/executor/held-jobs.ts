import type { JobToRun } from '../job-to-run.js';
import type { StopReason } from './executor.js';
import { ProtocolError } from './frames.js';
import type { NumberedJob } from './protocol.js';

/** What we have decided about a job that still runs; its outcome follows from it. */
export type Fate =
  | { readonly kind: 'timedOut'; readonly limitMs: number }
  | { readonly kind: 'stopped'; readonly reason: StopReason };

export interface HeldJob {
  readonly number: number;
  readonly job: JobToRun;
  readonly handedAtMs: number;
  beganAtMs: number | null;
  /** Whether its beginning was told to the owner. */
  isAnnounced: boolean;
  fate: Fate | null;
}

/**
 * The jobs that one child holds: handed over in order, begun in order, one at a time, ended once.
 * A child that says anything else, or speaks of a job it does not hold, breaks the protocol.
 */
export class HeldJobs {
  /** In the order of their numbers; the one that runs is nearly always the first. */
  #held: HeldJob[] = [];
  #running: HeldJob | null = null;
  #count = 0;
  /** No job up to this number that is not here can come back. */
  #takenUpTo = 0;

  get size(): number {
    return this.#held.length;
  }

  /** The number of the job handed over last. */
  get count(): number {
    return this.#count;
  }

  get running(): HeldJob | null {
    return this.#running;
  }

  add(jobs: readonly JobToRun[], nowMs: number): NumberedJob[] {
    return jobs.map((job) => {
      this.#count += 1;
      const number = this.#count;
      this.#held.push({
        number,
        job,
        handedAtMs: nowMs,
        beganAtMs: null,
        isAnnounced: false,
        fate: null,
      });
      return { number, job };
    });
  }

  /** @throws ProtocolError unless it is the next in order and nothing else runs */
  begin(number: number, atMs: number): HeldJob {
    const held = this.#get(number);
    if (this.#running || held !== this.firstWaiting()) {
      throw new ProtocolError('it began a job out of turn');
    }
    // A child may say what it likes of its clock.
    held.beganAtMs = Math.max(held.handedAtMs, atMs);
    this.#running = held;
    return held;
  }

  /**
   * Takes away a job that ended; `null` when it was taken back before.
   *
   * @throws ProtocolError when the job is not running but the outcome needs that, or the reverse
   */
  end(number: number, hasRun: boolean): HeldJob | null {
    // A child that leaves gives back what waits, and the news may cross our taking back of the same jobs.
    if (!hasRun && number <= this.#takenUpTo && !this.#find(number)) return null;
    const held = this.#get(number);
    if (hasRun !== (held === this.#running)) {
      throw new ProtocolError('it ended a job in a way that the job cannot end');
    }
    this.#remove(held);
    return held;
  }

  /** The running job, for a note. @throws ProtocolError */
  speaking(number: number): HeldJob {
    if (this.#running?.number !== number) {
      throw new ProtocolError('it spoke for a job that it does not run');
    }
    return this.#running;
  }

  firstWaiting(): HeldJob | null {
    return this.#held.find((held) => held !== this.#running) ?? null;
  }

  /** Takes away the jobs above this number; none of them has begun. */
  takeAbove(number: number): HeldJob[] {
    const taken = this.#held.filter((held) => held.number > number);
    if (taken.some((held) => held === this.#running)) {
      throw new ProtocolError('it denied that a job had begun');
    }
    for (const held of taken) this.#remove(held);
    this.#takenUpTo = this.#count;
    return taken;
  }

  /** Takes away everything, the running job first. */
  takeAll(): HeldJob[] {
    const all = this.#held;
    this.#held = [];
    this.#running = null;
    return all;
  }

  byExecution(execution: string): HeldJob | null {
    return this.#held.find(({ job }) => job.execution === execution) ?? null;
  }

  #get(number: number): HeldJob {
    const held = this.#find(number);
    if (!held) throw new ProtocolError('it spoke of a job that it does not hold');
    return held;
  }

  #find(number: number): HeldJob | undefined {
    return this.#held.find((held) => held.number === number);
  }

  #remove(held: HeldJob): void {
    this.#held.splice(this.#held.indexOf(held), 1);
    if (held === this.#running) this.#running = null;
  }
}
