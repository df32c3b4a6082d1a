import type { Redis } from 'ioredis';
import { RedisFullError, RedisUnavailableError } from './errors.js';
import { failureKind, pauseMs } from './failure.js';
import { toTimestamp } from './timestamp.js';
import { type EnqueueVerdict, enqueue, type NewJob } from './transitions/enqueue.js';
import type { WireSettings } from './transitions/queue-keys.js';

/** Jobs in one script call: 1000 would hold Redis for about 4 ms. */
const mostAtOnce = 250;
/** Calls of one bulk that are under way: Redis works on one while the next is being written. */
const bulkCallsAtOnce = 4;

interface Waiting {
  job: NewJob;
  resolve(verdict: EnqueueVerdict): void;
  reject(error: unknown): void;
}

/**
 * Writes the jobs of one queue. All that are added in one turn, or while a call is in flight, go in one
 * script call: the script costs little more for a hundred jobs than for one.
 */
export class Enqueuer {
  private waiting: Waiting[] = [];
  private sending = false;

  constructor(
    private readonly redis: Redis,
    private readonly queue: string,
    private readonly settings: WireSettings,
    /** How long a job may stay unconfirmed, in milliseconds, before its promise rejects. */
    private readonly deadlineMs: number,
  ) {}

  /**
   * Resolves once Redis has said what became of the job.
   *
   * @throws RedisFullError, RedisUnavailableError, WrongKeyTypeError
   */
  add(job: NewJob): Promise<EnqueueVerdict> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ job, resolve, reject });
      if (!this.sending) {
        this.sending = true;
        process.nextTick(() => void this.sendWaiting());
      }
    });
  }

  /**
   * Writes many jobs, after those that were added before. Resolves with a verdict for each once Redis has
   * said what became of all; when it rejects, some may have been written.
   *
   * @throws as `add`
   */
  async addMany(jobs: readonly NewJob[]): Promise<EnqueueVerdict[]> {
    void this.sendBatch(this.waiting.splice(0));
    const verdicts: EnqueueVerdict[] = [];
    let next = 0;
    const sendOn = async (): Promise<void> => {
      while (next < jobs.length) {
        const from = next;
        next += mostAtOnce;
        const part = await this.write(jobs.slice(from, from + mostAtOnce));
        part.forEach((verdict, index) => {
          verdicts[from + index] = verdict;
        });
      }
    };
    await Promise.all(Array.from({ length: bulkCallsAtOnce }, sendOn));
    return verdicts;
  }

  // One call at a time: what is added meanwhile leaves together with the next.
  private async sendWaiting(): Promise<void> {
    while (this.waiting.length > 0) await this.sendBatch(this.waiting.splice(0, mostAtOnce));
    this.sending = false;
  }

  private async sendBatch(batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      const verdicts = await this.write(batch.map(({ job }) => job));
      batch.forEach(({ resolve }, index) => {
        resolve(verdicts[index] as EnqueueVerdict);
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  // The ids and the creation time belong to the request and stay the same in every try, so that a try
  // whose reply was lost is recognised instead of written twice.
  private async write(jobs: readonly NewJob[]): Promise<EnqueueVerdict[]> {
    const createdAt = toTimestamp(Date.now());
    const startedMs = performance.now();
    for (let tries = 1; ; tries++) {
      try {
        return await enqueue(this.redis, this.queue, createdAt, jobs, this.settings);
      } catch (error) {
        const kind = failureKind(error);
        if (kind === 'full')
          throw new RedisFullError(`enqueue ${jobs.length} job(s)`, { cause: error });
        if (kind !== 'transient') throw error;
        const pause = pauseMs(tries);
        if (
          performance.now() - startedMs + pause > this.deadlineMs ||
          this.redis.status === 'end'
        ) {
          throw new RedisUnavailableError(`enqueue ${jobs.length} job(s)`, this.deadlineMs, true, {
            cause: error,
          });
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}
