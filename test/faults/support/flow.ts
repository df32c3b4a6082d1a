import { setTimeout as delay } from 'node:timers/promises';
import { v4 as uuid } from 'uuid';
import { NotReplicatedError } from '../../../src/redis/errors.js';
import type { Rq } from '../../../src/streams/rq.js';

/** Producers that enqueue one job after the other until they are told to stop, and keep count. */
export class Flow {
  /** Ids whose enqueueing was acknowledged, in order. */
  readonly acknowledged: string[] = [];
  /** How often replicas did not confirm, and the same job was enqueued once more. */
  unconfirmed = 0;
  private isOver = false;
  private readonly done: Promise<unknown>;

  constructor(
    private readonly rq: Rq,
    private readonly waitReplicas: number,
  ) {
    this.done = Promise.all(Array.from({ length: 5 }, () => this.run()));
  }

  /** Resolves once what is under way is acknowledged. @throws what enqueueing threw, but for replicas */
  async end(): Promise<string[]> {
    this.isOver = true;
    await this.done;
    return this.acknowledged;
  }

  private async run(): Promise<void> {
    const { rq, waitReplicas } = this;
    while (!this.isOver) {
      // Its own id, for it is the same job that is tried again.
      const jobId = uuid();
      const options = { jobId, waitReplicas, onDuplicate: 'keep' } as const;
      for (let isKnown = false; !isKnown; ) {
        try {
          await rq.queue('default').enqueueWith(options, 'handlers.note');
          isKnown = true;
        } catch (error) {
          if (!(error instanceof NotReplicatedError)) throw error;
          this.unconfirmed += 1;
        }
      }
      this.acknowledged.push(jobId);
      await delay(5);
    }
  }
}
