import { randomUUID } from 'node:crypto';
import type { JobSpec } from '../../src/streams/queue.js';
import type { Dice } from './dice.js';

/** A job whose id is known before anybody has heard of it. */
export type Known = JobSpec & { options: { jobId: string } };

export const withId = (job: JobSpec): Known => ({
  ...job,
  options: { ...job.options, jobId: randomUUID() },
});

export interface Batch {
  specs: Known[];
  /** The one that others may wait for. */
  parentId: string;
}

/** Jobs of every kind. */
export class Batches {
  private parents: string[] = [];

  constructor(private readonly dice: Dice) {}

  next(count: number): Batch {
    const jobs: JobSpec[] = [{ name: 'handlers.note' }];
    while (jobs.length < count) jobs.push(this.job());
    const specs = jobs.map(withId);
    return { specs, parentId: specs[0]?.options.jobId ?? '' };
  }

  /** Only what Redis has acknowledged is waited for. */
  arrived(parentId: string): void {
    this.parents = [...this.parents.slice(-3), parentId];
  }

  private job(): JobSpec {
    const { dice } = this;
    const chance = dice.roll();
    const options = dice.roll() < 0.5 ? { retry: { max: 3 } } : {};
    if (chance < 0.68) return { name: 'handlers.note', options };
    if (chance < 0.84) return { name: 'handlers.sleep', args: [dice.between(50, 1_500)], options };
    if (chance < 0.9)
      return { name: 'handlers.note', options: { ...options, inMs: dice.between(200, 3_000) } };
    if (chance < 0.96 && this.parents.length > 0) {
      const dependsOn = { jobs: dice.pick(this.parents), allowFailure: true };
      return { name: 'handlers.note', options: { ...options, dependsOn } };
    }
    if (chance < 0.98) return { name: 'handlers.die', options };
    return { name: 'handlers.fail', options };
  }
}
