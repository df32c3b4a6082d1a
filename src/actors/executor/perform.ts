import { decodeCall } from '../../redis/payload/call.js';
import { PickledObjectError, UnserializableError } from '../../redis/payload/errors.js';
import { decodeValue, encodeValue } from '../../redis/payload/value.js';
import { isDoNotRetry, type JobContext, retryAskedBy, runAsJob } from '../../tasks.js';
import type { Handler, Handlers } from '../handlers/handlers.js';
import type { CallbackToRun, JobToRun } from '../job-to-run.js';
import type { Outcome } from '../outcome.js';
import { type DecodedCall, type PerformHooks, RunningJob } from './running-job.js';
import { serializeError } from './serialize-error.js';

export type { PerformHooks } from './running-job.js';

export interface PerformOptions {
  /** A result of more bytes makes the job fail. Default 1 MiB. */
  readonly maxResultBytes?: number;
  /** Default 64 KiB. */
  readonly maxMetaBytes?: number;
  /** Wraps the call of the handler: the place for a container per job. */
  readonly runJob?: ((job: JobContext, run: () => unknown) => unknown) | undefined;
}

const mebibyte = 1024 * 1024;

const threw = (error: unknown, retryable: boolean): Extract<Outcome, { kind: 'threw' }> => ({
  kind: 'threw',
  error: serializeError(error),
  retryable,
});

const refused = (name: string, message: string): Outcome => ({
  kind: 'threw',
  error: { name, message, stack: `${name}: ${message}` },
  retryable: false,
});

// RQ's bound methods carry their object as pickle; only Python has that class. A number, a text or
// the like as `instance` is a method of Python's own types. Neither can be registered here.
const isBound = (instance: unknown): boolean =>
  Boolean(instance) && !(typeof instance === 'object' && Object.keys(instance ?? {}).length === 0);

/**
 * Runs one job and says how it ended. Never rejects: what cannot be read is `undecodable`, a name
 * that is not registered is `unknownHandler`, and everything the handler throws is `threw`.
 * Timeouts and deaths are not seen from here.
 */
export const perform = async (
  handlers: Pick<Handlers, 'get'>,
  job: JobToRun,
  hooks: PerformHooks,
  options: PerformOptions = {},
): Promise<Outcome> => {
  let decoded: DecodedCall;
  try {
    decoded = decodeCall(job.data);
  } catch (error) {
    const cause = serializeError(error).message;
    const isPythons = error instanceof PickledObjectError;
    if (!job.callback) return { kind: 'undecodable', cause, ...(isPythons && { isPythons }) };
    decoded = unreadable;
  }
  if (job.callback) return performCallback(handlers, job, job.callback, decoded, hooks, options);
  const { functionName, instance } = decoded.call;
  const handler = isBound(instance) ? undefined : handlers.get(functionName);
  if (!handler) return { kind: 'unknownHandler', functionName: functionName.slice(0, 512) };
  const context = contextOf(job, decoded, hooks, options);
  let value: unknown;
  try {
    const { runJob } = options;
    const called = runAsJob(context, () =>
      runJob ? runJob(context, () => call(handler, context)) : call(handler, context),
    );
    // Most short handlers are synchronous; an `await` for each would be a tenth of their cost.
    value = isThenable(called) ? await called : called;
  } catch (error) {
    const retryAsked = retryAskedBy(error);
    const outcome = threw(error, !isDoNotRetry(error));
    return retryAsked ? { ...outcome, retryAsked } : outcome;
  }
  return resultOf(value, decoded, options.maxResultBytes ?? mebibyte);
};

/** What a callback sees of a call that cannot be read, and failed for that. */
const unreadable: DecodedCall = {
  call: { functionName: '', instance: null, args: [], kwargs: {} },
  serializer: 'json',
};

const contextOf = (
  job: JobToRun,
  decoded: DecodedCall,
  hooks: PerformHooks,
  options: PerformOptions,
): RunningJob => new RunningJob(job, decoded, hooks, options.maxMetaBytes ?? 64 * 1024);

/** Runs a callback of the job, in the same surroundings as the job itself. What it returns is nobody's. */
const performCallback = async (
  handlers: Pick<Handlers, 'get'>,
  job: JobToRun,
  callback: CallbackToRun,
  decoded: DecodedCall,
  hooks: PerformHooks,
  options: PerformOptions,
): Promise<Outcome> => {
  const handler = handlers.get(callback.name);
  if (!handler) return { kind: 'unknownHandler', functionName: callback.name };
  const context = contextOf(job, decoded, hooks, options);
  try {
    const args = argumentsOf(callback);
    const { runJob } = options;
    await runAsJob(context, () =>
      runJob ? runJob(context, () => handler(context, ...args)) : handler(context, ...args),
    );
  } catch (error) {
    return threw(error, !isDoNotRetry(error));
  }
  return { kind: 'returned', result: null };
};

const argumentsOf = ({ moment, result, error }: CallbackToRun): unknown[] => {
  if (moment === 'success') return [result === null ? null : decodeValue(result)];
  if (moment === 'stopped' || error === null) return [];
  const { name, message, stack } = error;
  return [Object.assign(new Error(message), { name, stack })];
};

const call = (handler: Handler, { args, kwargs }: JobContext): unknown => {
  for (const _ in kwargs) return handler(...args, kwargs);
  return handler(...args);
};

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value;

// No limit there: the one on results is looked at afterwards, so that the message can name it.
const resultEncoding = { root: 'result', limits: { maxBytes: Number.MAX_SAFE_INTEGER } };

const resultOf = (value: unknown, { call, serializer }: DecodedCall, maxBytes: number): Outcome => {
  if (value === undefined || value === null) return { kind: 'returned', result: null };
  let result: Buffer;
  try {
    result = encodeValue(value, serializer, resultEncoding);
  } catch (error) {
    if (!(error instanceof UnserializableError)) return threw(error, false);
    return refused(
      'UnserializableResultError',
      `${call.functionName} returned what ${serializer} cannot hold: ${error.message}`,
    );
  }
  if (result.length <= maxBytes) return { kind: 'returned', result };
  return refused(
    'ResultTooLargeError',
    `${call.functionName} returned ${result.length} bytes, more than the limit of ${maxBytes}`,
  );
};
