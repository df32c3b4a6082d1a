import type { ChainableCommander, Redis } from 'ioredis';
import type { Reply } from './wrong-type.js';

interface Asked<T> {
  jobId: string;
  resolve(answer: T): void;
  reject(error: unknown): void;
}

/**
 * A question that many ask, each about a job of its own: what is asked in one turn of the event loop goes in one round trip.
 * Each job has an answer, or an error, of its own.
 */
export class AskedTogether<T> {
  private asked: Array<Asked<T>> = [];

  constructor(
    private readonly redis: Redis,
    /** How many commands it takes for each job. */
    private readonly commands: number,
    private readonly put: (pipeline: ChainableCommander, jobId: string) => void,
    /** Reads the replies for one job; may throw. */
    private readonly read: (replies: readonly Reply[]) => T,
  ) {}

  /** @throws what `read` throws; what Redis throws */
  ask(jobId: string): Promise<T> {
    return new Promise((resolve, reject) => {
      this.asked.push({ jobId, resolve, reject });
      // After all promise callbacks of this turn.
      if (this.asked.length === 1) process.nextTick(() => this.askAll(this.asked.splice(0)));
    });
  }

  private async askAll(asked: ReadonlyArray<Asked<T>>): Promise<void> {
    try {
      const pipeline = this.redis.pipeline();
      for (const { jobId } of asked) this.put(pipeline, jobId);
      const replies = (await pipeline.exec()) ?? [];
      asked.forEach(({ resolve, reject }, at) => {
        try {
          resolve(this.read(replies.slice(at * this.commands, (at + 1) * this.commands)));
        } catch (error) {
          reject(error);
        }
      });
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
