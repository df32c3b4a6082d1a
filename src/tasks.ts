import { AsyncLocalStorage } from 'node:async_hooks';

// The light door: what a handler module needs, and nothing that slows the start of an executor.
// Brands are registered symbols and the storage hangs on `globalThis`, because a user's loader may
// well bring a second copy of this file into the process, and both must mean the same job.
const taskBrand = Symbol.for('rxrq.task');
const doNotRetryBrand = Symbol.for('rxrq.doNotRetry');
const retryBrand = Symbol.for('rxrq.retry');
const storageKey = Symbol.for('rxrq.currentJob');

/**
 * A named handler. `name` is what is written to Redis; the types of the arguments and of the
 * result travel with the value, so that `queue.enqueue(task, …args)` is checked by the compiler.
 * In a test, call `task.handler(…args)` directly.
 */
export interface Task<Args extends unknown[] = never[], Result = unknown> {
  readonly name: string;
  readonly handler: (...args: Args) => Result | Promise<Result>;
}

type TaskOf<Handler> = Handler extends (...args: infer Args) => infer Result
  ? Task<Args, Awaited<Result>>
  : never;

/** What `defineTasks` returns: one Task per handler, under the handler's own key. */
export type Tasks<Handlers> = { readonly [Key in keyof Handlers]: TaskOf<Handlers[Key]> };

/**
 * Names a group of handlers: `defineTasks('reports', { build })` gives the task `reports.build`.
 *
 * A handler gets its arguments as RQ calls Python: the positional ones in order and, only when the
 * job has keyword arguments, one object with them at the end.
 *
 * @throws TypeError for an empty prefix or key, or a value that is no function.
 */
export const defineTasks = <Handlers extends Record<string, (...args: never[]) => unknown>>(
  prefix: string,
  handlers: Handlers,
): Tasks<Handlers> => {
  const tasks = Object.entries(handlers).map(([key, handler]) => {
    const name = `${prefix}.${key}`;
    if (prefix === '' || key === '' || /[\p{Cc}\s]/u.test(name) || name.length > 512) {
      throw new TypeError(
        `Invalid task name ${JSON.stringify(name.slice(0, 80))}: prefix and key must not be ` +
          'empty, hold no white space, and be at most 512 characters together',
      );
    }
    if (typeof handler !== 'function') throw new TypeError(`Task ${name} is not a function`);
    return [key, Object.freeze({ name, handler, [taskBrand]: true })];
  });
  return Object.freeze(Object.fromEntries(tasks));
};

/** Whether the value came out of `defineTasks`, of this copy of the package or another one. */
export const isTask = (value: unknown): value is Task =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, taskBrand);

/** How a line of `job.log` is meant. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The job that the calling code runs in. */
export interface JobContext {
  readonly id: string;
  readonly queue: string;
  /** 1 for the first start; only grows. */
  readonly attempt: number;
  /** The attempt again, under the name for what it is good for: refusing writes of an older run. */
  readonly fence: number;
  /** Unique for this attempt. */
  readonly execution: string;
  readonly functionName: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Yours to change; reaches Redis with `saveMeta()`. */
  readonly meta: Record<string, unknown>;
  /** Aborted when the job runs out of time, is canceled, or its worker leaves. */
  readonly signal: AbortSignal;
  /** When the time is up, on this process's `performance.now()`; absent without a limit. */
  readonly deadlineMs?: number;
  /** Says how far the job is: 0 to 1, or any small JSON. The newest wins; floods are thinned. */
  progress(value: unknown): void;
  /** One line for the job's log. Lines over the rate limit are dropped and counted. */
  log(line: string, level?: LogLevel): void;
  /** Sends `meta` as it is now to Redis. @throws MetaTooLargeError, UnserializableError */
  saveMeta(): void;
}

/** `currentJob()` was called by code that no job is running. */
export class NoCurrentJobError extends Error {
  override readonly name = 'NoCurrentJobError';
  constructor() {
    super('There is no current job here: currentJob() answers only while a handler runs');
  }
}

/** Throw it, or a subclass, from a handler when another try cannot help: retries are skipped. */
export class DoNotRetryError extends Error {
  override readonly name: string = 'DoNotRetryError';
  readonly [doNotRetryBrand] = true;
}

/** What a handler wants when it throws a RetryError. */
export interface RetryWish {
  /** How often the job may ask for another run; the one after that quarantines it. */
  max: number;
  /** The pauses before those runs, in seconds; the last one serves all further ones. Default: none. */
  intervalsSeconds?: number | readonly number[];
}

/**
 * Throw it, or a subclass, from a handler to have the job run again, whatever retries it was enqueued with: what it
 * waits for is not there yet. RQ: a returned `Retry`, and its rule for the pauses. Each such run counts as a failed attempt.
 */
export class RetryError extends Error {
  override readonly name: string = 'RetryError';
  readonly max: number;
  readonly intervalsSeconds: readonly number[];
  readonly [retryBrand] = true;

  /** @throws TypeError for a number that is not whole, or too small */
  constructor(message: string, { max, intervalsSeconds = 0 }: RetryWish, options?: ErrorOptions) {
    super(message, options);
    this.max = max;
    this.intervalsSeconds = [intervalsSeconds].flat();
    if (!retryAskedBy(this)) {
      throw new TypeError(
        'RetryError: max must be a whole number of 1 or more, intervalsSeconds 1 to 1000 whole numbers of 0 or more',
      );
    }
  }
}

const isWhole = (value: unknown, least: number): value is number =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= 1e9;

/** What a thrown value asks for, whichever copy of the package made its class; `null` when it asks for nothing. */
export const retryAskedBy = (
  error: unknown,
): { max: number; intervalsSeconds: readonly number[] } | null => {
  if (typeof error !== 'object' || error === null || !(retryBrand in error)) return null;
  const { max, intervalsSeconds: pauses } = error as unknown as Record<string, unknown>;
  const isFine =
    isWhole(max, 1) &&
    Array.isArray(pauses) &&
    pauses.length >= 1 &&
    pauses.length <= 1_000 &&
    pauses.every((pause) => isWhole(pause, 0));
  return isFine ? { max, intervalsSeconds: pauses } : null;
};

/** Whether a thrown value forbids a retry, whichever copy of the package made its class. */
export const isDoNotRetry = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && doNotRetryBrand in error;

const shared = globalThis as { [storageKey]?: AsyncLocalStorage<JobContext> };
shared[storageKey] ??= new AsyncLocalStorage<JobContext>();
const storage = shared[storageKey];

/** The job whose handler is calling, however deep and asynchronous. @throws NoCurrentJobError */
export const currentJob = (): JobContext => {
  const job = storage.getStore();
  if (!job) throw new NoCurrentJobError();
  return job;
};

/**
 * Calls `run` as the handler of `job`. The executors do so for every job; a test does it to call a
 * handler that asks for `currentJob()`.
 */
export const runAsJob = <T>(job: JobContext, run: () => T): T => storage.run(job, run);

/** The context of the code that is calling, or `undefined` outside of every job. */
export const jobInScope = (): JobContext | undefined => storage.getStore();
