import type { Redis } from 'ioredis';
import { BusyPoll } from './busy-poll.js';
import { RedisFullError, RedisUnavailableError, UncertainWriteError } from './errors.js';
import { failureKind, pauseMs } from './failure.js';
import type { Replicas } from './replicas.js';
import { distinctTimestamp } from './timestamp.js';
import { type EnqueueVerdict, enqueue, type NewJob } from './transitions/enqueue.js';
import type { WireSettings } from './transitions/queue-keys.js';
import { within } from './within.js';

/** Jobs in one script call: 1000 would hold Redis for about 4 ms. */
const mostAtOnce = 250;
/** Jobs in one call when each comes with its sets, which cost as much as the rest of it. */
const mostInOrder = 100;
/** Calls of one bulk that are under way: Redis works on one while the next is being written. */
const bulkCallsAtOnce = 4;
/** The same for jobs that come one by one. */
const callsAtOnce = 2;
/** From so many on they are shared between the calls; fewer go in one. */
const crowd = 16;

interface Waiting {
  job: NewJob;
  /** By `performance.now()`: when it has to be settled. */
  endMs: number;
  resolve(verdict: EnqueueVerdict): void;
  reject(error: unknown): void;
}

/**
 * Writes the jobs of one queue. All that are added in one turn, or while calls are in flight, go in one
 * script call: the script costs little more for a hundred jobs than for one.
 */
export class Enqueuer {
  private waiting: Waiting[] = [];
  private calls = 0;
  private scheduled = false;
  private readonly poll = new BusyPoll();

  constructor(
    private readonly redis: Redis,
    private readonly queue: string,
    private readonly settings: WireSettings,
    /** How long a job may stay unconfirmed, in milliseconds, before its promise rejects. */
    private readonly deadlineMs: number,
    /** On the same connection; `null` when no job waits for them. */
    private readonly replicas: Replicas | null = null,
  ) {}

  /**
   * Resolves once Redis has said what became of the job.
   *
   * @throws RedisFullError, RedisUnavailableError, UncertainWriteError, WrongKeyTypeError, DependencyCycleError,
   * NotReplicatedError
   */
  add(job: NewJob): Promise<EnqueueVerdict> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ job, endMs: performance.now() + this.deadlineMs, resolve, reject });
      this.schedule();
    });
  }

  /**
   * Writes many jobs, after those that were added before. Resolves with a verdict for each once Redis has
   * said what became of all, errors among them; when it rejects, some may have been written. `inOrder`: none before those
   * that stand before it, also when a call has to be tried again: for jobs that wait for each other.
   *
   * @throws as `add`
   */
  async addMany(jobs: readonly NewJob[], inOrder = false): Promise<EnqueueVerdict[]> {
    void this.sendBatch(this.waiting.splice(0));
    const verdicts: EnqueueVerdict[] = [];
    const endMs = performance.now() + this.deadlineMs;
    const most = inOrder ? mostInOrder : mostAtOnce;
    let next = 0;
    const sendOn = async (): Promise<void> => {
      while (next < jobs.length) {
        const from = next;
        next += most;
        const part = await this.write(jobs.slice(from, from + most), distinctTimestamp(), endMs);
        part.forEach((verdict, index) => {
          verdicts[from + index] = verdict;
        });
      }
    };
    await Promise.all(Array.from({ length: inOrder ? 1 : bulkCallsAtOnce }, sendOn));
    return verdicts;
  }

  // After all promise callbacks of this turn, so that jobs which are added together leave together.
  private schedule(): void {
    if (this.scheduled || this.calls >= callsAtOnce || this.waiting.length === 0) return;
    this.scheduled = true;
    process.nextTick(() => {
      this.scheduled = false;
      this.sendWaiting();
    });
  }

  // What is added while the calls are under way leaves together with the next. They share one connection, so Redis
  // gets them in order, unless one has to be tried again.
  private sendWaiting(): void {
    while (this.waiting.length > 0 && this.calls < callsAtOnce) {
      const isShared = this.calls === 0 && this.waiting.length >= crowd;
      const share = isShared ? Math.ceil(this.waiting.length / callsAtOnce) : mostAtOnce;
      this.calls += 1;
      void this.sendBatch(this.waiting.splice(0, Math.min(share, mostAtOnce))).then(() => {
        this.calls -= 1;
        this.schedule();
      });
    }
  }

  private async sendBatch(batch: readonly Waiting[]): Promise<void> {
    const createdAt = distinctTimestamp();
    for (let left = batch; left.length > 0; ) {
      const jobs = left.map(({ job }) => job);
      try {
        const verdicts = await this.write(jobs, createdAt, (left[0] as Waiting).endMs);
        left.forEach(({ resolve, reject }, index) => {
          const verdict = verdicts[index] as EnqueueVerdict;
          if (verdict instanceof Error) reject(verdict);
          else resolve(verdict);
        });
        return;
      } catch (error) {
        // Those that were added later have time left: they are tried on, in the same words.
        const isLate = error instanceof RedisUnavailableError && this.redis.status !== 'end';
        const inTime = isLate ? left.filter(({ endMs }) => endMs > performance.now()) : [];
        for (const waiting of left) if (!inTime.includes(waiting)) waiting.reject(error);
        left = inTime;
      }
    }
  }

  // The ids and the creation time belong to the request and stay the same in every try, so that a try
  // whose reply was lost is recognised instead of written twice.
  private async write(
    jobs: readonly NewJob[],
    createdAt: string,
    endMs: number,
  ): Promise<EnqueueVerdict[]> {
    const operation = `enqueue ${jobs.length} job(s)`;
    let isUncertain = false;
    for (let tries = 1; ; tries++) {
      let cause: unknown = null;
      try {
        const life = this.replicas?.life ?? 0;
        const call = enqueue(this.redis, this.queue, createdAt, jobs, this.settings);
        const verdicts = await within(endMs - performance.now(), this.poll.until(call));
        if (verdicts) {
          const said = markRepeated(jobs, verdicts);
          return this.replicas ? await this.replicas.confirm(jobs, said, life) : said;
        }
      } catch (error) {
        const kind = failureKind(error);
        // An earlier try was not written, or this one would have found its jobs; but the network may still hold it up.
        if ((kind === 'full' || kind === 'operator') && isUncertain)
          throw new UncertainWriteError(operation, { cause: error });
        if (kind === 'full') throw new RedisFullError(operation, { cause: error });
        if (kind !== 'transient') throw error;
        cause = error;
      }
      isUncertain = true;
      const pause = pauseMs(tries);
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || this.redis.status === 'end') {
        throw new RedisUnavailableError(operation, this.deadlineMs, true, { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, Math.min(pause, leftMs)));
    }
  }
}

// Two jobs of one batch with the same id, payload and time: only the first is what was written.
const markRepeated = (
  jobs: readonly NewJob[],
  verdicts: readonly EnqueueVerdict[],
): EnqueueVerdict[] => {
  if (!verdicts.includes('same')) return [...verdicts];
  const seen = new Set<string>();
  return verdicts.map((verdict, index) => {
    const { id } = jobs[index] as NewJob;
    if (seen.has(id)) return 'duplicate';
    seen.add(id);
    return verdict;
  });
};
