import type { DependsOn } from '../redis/depends-on.js';
import { OtherSpaceError } from '../redis/errors.js';
import { Job } from './job.js';

/**
 * What a job waits for must be in its own space: whoever ends the parent can free only what lies in the same slot. Of an id
 * nothing is known; it counts as that of a job which does not exist.
 *
 * @throws OtherSpaceError
 */
export const checkParents = (dependsOn: DependsOn | undefined, space: string | null): void => {
  if (dependsOn === undefined) return;
  for (const item of [dependsOn].flat()) {
    const jobs =
      typeof item === 'object' && item !== null && 'jobs' in item ? [item.jobs].flat() : [item];
    for (const job of jobs)
      if (job instanceof Job && job.space !== space)
        throw new OtherSpaceError(`wait for job ${job.id}`, space, job.space);
  }
};
