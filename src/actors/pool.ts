import { mostJobsPerChild } from './executor/gate.js';
import type { SupervisorSettings } from './supervisor.js';
import type { WorkerPlan } from './worker-options.js';

/** How many executors there are, when each is replaced, and whether jobs may wait in one. */
export type PoolShape = Pick<
  SupervisorSettings,
  'places' | 'concurrency' | 'prefetch' | 'maxJobs' | 'maxRssBytes'
>;

const never = Number.POSITIVE_INFINITY;

/** The pool that a plan's isolation asks for. */
export const poolOf = (plan: WorkerPlan): PoolShape => {
  const { isolation, concurrency, prefetch, maxJobsPerChild, recycleAboveMiB } = plan;
  switch (isolation) {
    case 'inline':
      return { places: 1, concurrency, prefetch, maxJobs: never, maxRssBytes: never };
    case 'fork-per-job': {
      // One child ahead for each that may run: a child takes as long to start as many a job to run.
      const places = concurrency * 2;
      return { places, concurrency, prefetch: 0, maxJobs: 1, maxRssBytes: never };
    }
    case 'pool':
      return {
        places: concurrency,
        concurrency,
        // What was handed to a child runs there: a child for one job must not be given two.
        prefetch: maxJobsPerChild === 1 ? 0 : prefetch,
        maxJobs: Math.min(maxJobsPerChild, mostJobsPerChild),
        maxRssBytes: recycleAboveMiB * 1_048_576,
      };
  }
};
