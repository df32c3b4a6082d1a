import { DependencyCycleError, InvalidOptionError } from './errors.js';
import { checkKnown } from './known-options.js';
import { checkJobId } from './names.js';
import type { NewJob, NewJobAfter } from './transitions/enqueue.js';

/** A job, or its id. */
export type JobReference = string | { readonly id: string };

/** Jobs that another one waits for. RQ: `Dependency`. */
export interface Dependency {
  jobs: JobReference | readonly JobReference[];
  /** A parent that failed for good counts as one that finished. Holds for all parents of the job. */
  allowFailure?: boolean;
  /** To the front of its queue when the last parent has ended. */
  enqueueAtFront?: boolean;
}

/** What a job waits for: one job or several, of any queue. RQ: `depends_on`. */
export type DependsOn = JobReference | Dependency | ReadonlyArray<JobReference | Dependency>;

const known = new Set(['jobs', 'allowFailure', 'enqueueAtFront']);
/** Each parent that ends asks for all others. */
const mostParents = 1_000;

/**
 * The parents of a new job; `null` when it has none.
 *
 * @throws InvalidOptionError, InvalidNameError; DependencyCycleError when it is among them
 */
export const planDependencies = (
  given: DependsOn | undefined,
  jobId: string | undefined,
): (NewJobAfter & { atFront: boolean }) | null => {
  if (given === undefined) return null;
  const ids = new Set<string>();
  const add = (reference: JobReference): void => {
    const id = typeof reference === 'string' ? reference : reference?.id;
    if (typeof id !== 'string')
      throw new InvalidOptionError('dependsOn', 'it must be jobs, ids of jobs, or { jobs: … }');
    ids.add(checkJobId(id));
  };
  let allowsFailure = false;
  let atFront = false;
  for (const item of listOf(given)) {
    if (!isDependency(item)) {
      add(item);
      continue;
    }
    checkKnown(item, known, 'dependsOn.');
    const jobs = listOf(item.jobs);
    if (jobs.length === 0) throw new InvalidOptionError('dependsOn.jobs', 'it must not be empty');
    jobs.forEach(add);
    allowsFailure ||= item.allowFailure === true;
    atFront ||= item.enqueueAtFront === true;
  }
  if (ids.size > mostParents)
    throw new InvalidOptionError('dependsOn', `it may name at most ${mostParents} jobs`);
  if (jobId !== undefined && ids.has(jobId)) throw new DependencyCycleError([jobId, jobId]);
  return ids.size === 0 ? null : { ids: [...ids], allowsFailure, atFront };
};

const listOf = <T>(given: T | readonly T[]): readonly T[] =>
  Array.isArray(given) ? given : [given as T];

const isDependency = (item: JobReference | Dependency): item is Dependency =>
  typeof item === 'object' && item !== null && 'jobs' in item;

/** The fields of the hash that Python's workers release a job by. */
export const dependencyFields = (
  { ids, allowsFailure }: NewJobAfter,
  atFront: boolean,
): Array<string | number> => {
  const fields: Array<string | number> = ['dependency_ids', JSON.stringify(ids)];
  // For readers of RQ before 1.8.
  fields.push('dependency_id', ids[0] as string);
  if (allowsFailure) fields.push('allow_dependency_failures', 1);
  if (atFront) fields.push('enqueue_at_front', 1);
  return fields;
};

/**
 * Jobs of one bulk, each behind those of the bulk that it waits for: a parent that is not there yet would count
 * as one that is gone.
 *
 * @throws DependencyCycleError
 */
export const parentsFirst = (jobs: readonly NewJob[]): NewJob[] => {
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const ordered = new Set<NewJob>();
  // The way from a job down to what it waits for, and what is left to look at of each: a bulk may be one long chain.
  const way: Array<{ job: NewJob; left: string[] }> = [];
  const onWay = new Set<NewJob>();
  const enter = (job: NewJob): void => {
    way.push({ job, left: [...(job.after?.ids ?? [])] });
    onWay.add(job);
  };
  for (const job of jobs) {
    if (!ordered.has(job)) enter(job);
    for (let at = way.at(-1); at; at = way.at(-1)) {
      const next = byId.get(at.left.pop() ?? '');
      if (next && onWay.has(next)) {
        const ids = way.map((step) => step.job.id);
        throw new DependencyCycleError([...ids.slice(ids.indexOf(next.id)), next.id]);
      }
      if (next && !ordered.has(next)) {
        enter(next);
      } else if (at.left.length === 0) {
        ordered.add(at.job);
        onWay.delete(at.job);
        way.pop();
      }
    }
  }
  return [...ordered];
};
