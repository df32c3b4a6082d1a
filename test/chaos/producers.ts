import { setTimeout as delay } from 'node:timers/promises';
import { UncertainWriteError } from '../../src/redis/errors.js';
import type { Rq } from '../../src/streams/rq.js';
import type { Dice } from './dice.js';
import { Batches, type Known, withId } from './jobs.js';

/** A job that Redis has acknowledged. */
export interface Acknowledged {
  readonly id: string;
  readonly queue: string;
  /** Others wait for it. */
  readonly isParent: boolean;
}

/** What a producer may be told while things are bad; whatever else it is told is a mistake. */
const refusals = /^(?:RedisFullError|ReplyError: (?:NOAUTH|WRONGPASS|READONLY|BUSY))/;
const tickMs = 100;

/** Enqueue at an even rate, one beside the network and one behind it, until they are told to stop, whatever Redis says. */
export class Producers {
  readonly acknowledged: Acknowledged[] = [];
  readonly mixed: string[] = [];
  /** They were told that these may have been written. */
  readonly uncertain = new Map<string, string>();
  /** How often they were told that Redis takes no jobs now. */
  refused = 0;
  private isOver = false;
  private readonly producing: Array<Promise<void>> = [];
  private failure: unknown = null;

  constructor(
    private readonly queues: readonly string[],
    private readonly mixedQueue: string,
  ) {}

  start(rq: Rq, jobsPerSecond: number, dice: Dice): void {
    const producing = this.produce(rq, Math.max(1, jobsPerSecond / (1_000 / tickMs)), dice);
    this.producing.push(
      producing.catch((error: unknown) => {
        this.failure ??= error;
      }),
    );
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.producing);
  }

  /** @throws what a producer was told that none may be told */
  check(): void {
    if (this.failure) throw this.failure;
  }

  /** One of the last, so that it may well be waiting or running. */
  recent(dice: Dice): Acknowledged | undefined {
    const last = this.acknowledged.slice(-40);
    return last.length > 0 ? dice.pick(last) : undefined;
  }

  private async produce(rq: Rq, jobsAtOnce: number, dice: Dice): Promise<void> {
    const batches = new Batches(dice);
    while (!this.isOver) {
      const queue = dice.pick(this.queues);
      const { specs, parentId } = batches.next(jobsAtOnce);
      const ids = await this.enqueue(rq, queue, specs);
      for (const id of ids) this.acknowledged.push({ id, queue, isParent: id === parentId });
      if (ids.length > 0) batches.arrived(parentId);
      // Python takes no lifetime from a worker of ours: it is in the job.
      const options = { resultTtlSeconds: 86_400 };
      const short = withId({ name: 'handlers.sleep', args: [dice.between(0, 200)], options });
      if (dice.roll() < 0.1) this.mixed.push(...(await this.enqueue(rq, this.mixedQueue, [short])));
      await delay(tickMs);
    }
  }

  /** Ids of what was acknowledged. */
  private async enqueue(rq: Rq, queue: string, specs: readonly Known[]): Promise<string[]> {
    try {
      return (await rq.queue(queue).enqueueMany(specs)).map(({ id }) => id);
    } catch (error) {
      // What waits for others is written by a call of its own: of the rest nothing is said when that is refused.
      const isSplit = specs.some(({ options }) => options.dependsOn);
      if (error instanceof UncertainWriteError || (isSplit && refusals.test(String(error))))
        for (const { options } of specs) this.uncertain.set(options.jobId, queue);
      else if (!refusals.test(String(error))) throw error;
      this.refused += 1;
      return [];
    }
  }
}
