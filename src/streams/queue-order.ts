import { InvalidOptionError } from '../redis/errors.js';

/**
 * In which order a worker takes from its queues. RQ: `DequeueStrategy`; the weights are ours.
 *
 * - `strict`: from the first one that has a job. RQ: `default`.
 * - `round-robin`: from each in turn.
 * - `random`: the order is drawn anew each time.
 * - `weights`: in turn, each as often as its weight says: a whole number from 1 to 1000, 1 when it has none.
 */
export type QueueOrder =
  | 'strict'
  | 'round-robin'
  | 'random'
  | { readonly weights: Readonly<Record<string, number>> };

/** @throws InvalidOptionError */
export const checkOrder = (order: unknown, queues: readonly string[]): QueueOrder => {
  if (order === 'strict' || order === 'round-robin' || order === 'random') return order;
  const weights = (order as { weights?: unknown } | null)?.weights;
  if (typeof weights !== 'object' || weights === null)
    throw new InvalidOptionError('order', 'it must be strict, round-robin, random or { weights }');
  for (const [queue, weight] of Object.entries(weights)) {
    if (!queues.includes(queue))
      throw new InvalidOptionError('order.weights', `${queue} is none of the worker's queues`);
    if (!(Number.isInteger(weight) && weight >= 1 && weight <= 1_000))
      throw new InvalidOptionError('order.weights', 'each must be a whole number from 1 to 1000');
  }
  return order as QueueOrder;
};

/**
 * Whose turn it is. Each queue has a clock that its jobs move on, the slower the more it weighs; the queue whose
 * clock is behind comes first. One that had nothing when it was asked does not save up turns.
 */
export class Turns {
  private readonly weights: readonly number[];
  private readonly clocks: number[];
  private readonly isStrict: boolean;
  private readonly isRandom: boolean;

  constructor(
    private readonly queues: readonly string[],
    order: QueueOrder,
    private readonly random: () => number = Math.random,
  ) {
    this.isStrict = order === 'strict' || queues.length === 1;
    this.isRandom = order === 'random';
    const weights = typeof order === 'object' ? order.weights : {};
    this.weights = queues.map((queue) => weights[queue] ?? 1);
    this.clocks = queues.map(() => 0);
  }

  /** The order of the next claim, for the script; empty when it is always the same. */
  next(): string {
    if (this.isStrict) return '';
    return this.order()
      .map((at) => `${at + 1}:${this.weights[at]}`)
      .join(' ');
  }

  /** The jobs that a claim brought. */
  took(jobs: ReadonlyArray<{ queue: string }>): void {
    if (this.isStrict || this.isRandom || jobs.length === 0) return;
    const counts = this.queues.map(() => 0);
    for (const { queue } of jobs) {
      const at = this.queues.indexOf(queue);
      if (at >= 0) counts[at] = (counts[at] as number) + 1;
    }
    const latest = Math.max(...this.clocks.filter((_, at) => (counts[at] as number) > 0));
    counts.forEach((count, at) => {
      const clock = this.clocks[at] as number;
      // Those that were to come before one that gave had nothing.
      this.clocks[at] =
        count > 0 ? clock + count / (this.weights[at] as number) : Math.max(clock, latest);
    });
    // Only differences count, and they stay small.
    const least = Math.min(...this.clocks);
    this.clocks.forEach((clock, at) => {
      this.clocks[at] = clock - least;
    });
  }

  private order(): number[] {
    const places = this.queues.map((_, at) => at);
    if (!this.isRandom)
      return places.sort(
        (a, b) => (this.clocks[a] as number) - (this.clocks[b] as number) || a - b,
      );
    for (let at = places.length - 1; at > 0; at--) {
      const other = Math.floor(this.random() * (at + 1));
      [places[at], places[other]] = [places[other] as number, places[at] as number];
    }
    return places;
  }
}
