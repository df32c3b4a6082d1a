import {
  catchError,
  concatMap,
  defer,
  finalize,
  map,
  merge,
  type Observable,
  type OperatorFunction,
  of,
  repeat,
  retry,
  switchMap,
  takeUntil,
  throwError,
  toArray,
} from 'rxjs';
import { v4 as uuid, v5 as uuidOf } from 'uuid';
import { InvalidNameError, InvalidOptionError } from '../redis/errors.js';
import { fieldsOf, type JobOptions } from '../redis/job-options.js';
import { checkKnown } from '../redis/known-options.js';
import { spaceOf, tagOf } from '../redis/scan.js';
import { distinctTimestamp } from '../redis/timestamp.js';
import type { NewJob } from '../redis/transitions/enqueue.js';
import {
  beginAt,
  cursorIn,
  markOf,
  type PlaceMark,
  passOn,
  placeMarkOf,
} from '../redis/transitions/pass-on.js';
import type { WireSettings } from '../redis/transitions/queue-keys.js';
import { ResultLostError } from './errors.js';
import { insist } from './insist.js';
import type { Job } from './job.js';
import { type From, type GapEvent, logBegin, placeOf } from './log-page.js';
import { type MissingResult, type Result, type ResultDoors, ResultReader } from './results.js';
import { type Batch, toQueue } from './to-queue.js';

/** Names the ids that pipelines derive; never to be changed. */
const idSpace = '8f2f4f0e-6a1d-5c53-9f0b-7d8f0d1c2b3a';
const jobsInOneStep = 500;
/** A place that moved past nothing but other events is stored this often, in milliseconds. */
const storeEveryMs = 1_000;

/** How the results of one queue become the jobs of another. */
export interface PipelineSettings<T, Args extends unknown[]> {
  /**
   * The name of its place in Redis and part of the ids that it makes. Keep it for ever; hosts of the same
   * pipeline share it, other pipelines must not.
   */
  name: string;
  /**
   * From a result to the arguments of a job. It is applied to each result on its own: `filter` drops one,
   * several emissions make several jobs, asynchronous operators are fine. Within a `pipe` the compiler needs
   * `as const` to see which arguments they are. It may run again for the last results
   * when the process was killed. Default: the value as the only argument.
   */
  through?: OperatorFunction<Result<T>, Readonly<Args>>;
  /** Options of the jobs it makes; what they depend on is waited for by each of them. */
  options?: Omit<JobOptions, 'jobId' | 'onDuplicate'>;
  /** Where it begins when it was never started before. Default `start`: with the oldest that the log holds. */
  from?: From;
  /**
   * `through` threw, or its arguments cannot be written. When this resolves the result is passed over; when it
   * throws, the pipeline ends with that error. Default: it ends with the error, its place before this result.
   */
  onError?: (error: unknown, result: Result<T>) => void | Promise<void>;
  /**
   * A result was gone before it was read, or the log has a gap. When this resolves the pipeline goes on.
   * Default: it ends with ResultLostError, its place before the loss.
   */
  onLost?: (loss: MissingResult | GapEvent) => void | Promise<void>;
}

const known = new Set(['name', 'to', 'call', 'through', 'options', 'from', 'onError', 'onLost']);

/** Where the jobs of a pipeline go, and where its place is kept. */
export interface PipelineEnd<Args extends unknown[]> {
  /** On a cluster it may be of another space than the source. */
  doors: Pick<ResultDoors, 'redis' | 'closed$'> & { wire: WireSettings };
  queue: string;
  newJob(args: Readonly<Args>, options: JobOptions): NewJob;
  job(id: string): Job;
}

/** Another host of the same pipeline was faster. */
class PlaceMovedError extends Error {
  override readonly name = 'PlaceMovedError';
}

/** @throws InvalidNameError, InvalidOptionError */
export const checkPipeline = (settings: PipelineSettings<never, never>): void => {
  checkKnown(settings, known);
  if (!/^[A-Za-z0-9_.-]{1,100}$/.test(settings.name)) {
    throw new InvalidNameError(
      'pipeline name',
      String(settings.name),
      'it must be 1 to 100 of A-Z a-z 0-9 _ . -',
    );
  }
  const { jobId, onDuplicate } = (settings.options ?? {}) as JobOptions;
  if (jobId !== undefined)
    throw new InvalidOptionError('options.jobId', 'a pipeline derives the ids');
  if (onDuplicate !== undefined)
    throw new InvalidOptionError('options.onDuplicate', 'a pipeline writes each job once');
  fieldsOf(settings.options ?? {});
  const { from = 'start' } = settings;
  if (from !== 'start' && from !== 'now') placeOf(from);
};

/**
 * Passes the results of a queue on as jobs of another, for as long as it is subscribed to; emits each job
 * once Redis has it. The jobs and the place after their inputs are written in one step: each input becomes its
 * jobs exactly once, whatever is killed when and however many processes host the pipeline. See `Queue.pipeline`.
 */
export const pipelineOf = <T, Args extends unknown[]>(
  doors: ResultDoors,
  source: string,
  end: PipelineEnd<Args>,
  settings: PipelineSettings<T, Args>,
): Observable<Job> => {
  const { name, options = {}, from = 'start', onError, onLost } = settings;
  const through = settings.through ?? map(({ value }: Result<T>) => [value] as unknown[] as Args);
  const { redis, wire } = end.doors;
  // One name may serve several sources: each has a place of its own.
  const isFromElsewhere = spaceOf(redis) !== spaceOf(doors.redis);
  const place = `${name}:${isFromElsewhere ? tagOf(doors.redis) : ''}${source}`;

  const jobsOf = (item: Result<T> | MissingResult | GapEvent): Observable<NewJob[]> => {
    if (item.kind !== 'result') {
      if (!onLost) return throwError(() => new ResultLostError(name, item));
      return defer(async () => onLost(item)).pipe(map(() => []));
    }
    return defer(() => through(of(item))).pipe(
      map((args, index) => {
        if (!Array.isArray(args))
          throw new TypeError(`Pipeline ${name}: "through" must emit arrays of arguments`);
        const jobId = uuidOf(`${name}/${item.jobId}/${index}`, idSpace);
        return end.newJob(args, { ...options, jobId });
      }),
      toArray(),
      catchError((error) => {
        if (!onError) throw error;
        return defer(async () => onError(error, item)).pipe(map(() => []));
      }),
    );
  };

  return defer(() => {
    const leaving = new AbortController();
    const ask = <Answer>(question: () => Promise<Answer>) =>
      insist(question, leaving.signal, doors.onTrouble);
    let stored: PlaceMark = '';
    let storedAtMs = 0;

    const open = async (): Promise<ResultReader<T>> => {
      stored = await ask(() => placeMarkOf(redis, place));
      if (stored === '' && from !== 'start') {
        const begin = from === 'now' ? await ask(() => doors.log.position(source)) : from;
        stored = await ask(() => beginAt(redis, place, begin));
      }
      const at = cursorIn(stored);
      const begin = at === '' ? logBegin : placeOf(at);
      return new ResultReader<T>(doors, source, begin, leaving.signal);
    };

    const pass = async ({ jobs, cursor, inputs }: Batch<NewJob>): Promise<Job[]> => {
      if (inputs === 0 && performance.now() - storedAtMs < storeEveryMs) return [];
      const createdAt = distinctTimestamp();
      for (let at = 0; at === 0 || at < jobs.length; at += jobsInOneStep) {
        const part = jobs.slice(at, at + jobsInOneStep);
        // More jobs than one step takes: the place moves with the last of them, and ids keep the rest single.
        const isLast = at + jobsInOneStep >= jobs.length;
        const to = markOf(isLast ? cursor : cursorIn(stored), uuid());
        const request = {
          pipeline: place,
          from: stored,
          to,
          queue: end.queue,
          createdAt,
          jobs: part,
        };
        const inForce = await ask(() => passOn(redis, request, wire));
        if (inForce !== to)
          throw new PlaceMovedError(`Pipeline ${name} is at ${inForce}, not at ${stored}`);
        stored = to;
      }
      storedAtMs = performance.now();
      return jobs.map(({ id }) => end.job(id));
    };

    return defer(open).pipe(
      switchMap((reader) =>
        defer(() => reader.next()).pipe(
          toQueue(jobsOf, (batch: Batch<NewJob>) =>
            defer(() => pass(batch)).pipe(concatMap((jobs) => jobs)),
          ),
          repeat(),
          finalize(() => reader.close()),
        ),
      ),
      retry({
        delay: (error) => (error instanceof PlaceMovedError ? of(null) : throwError(() => error)),
      }),
      takeUntil(merge(doors.closed$, end.doors.closed$)),
      finalize(() => leaving.abort()),
    );
  });
};
