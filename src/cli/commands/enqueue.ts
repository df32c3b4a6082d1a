import type { Command } from 'commander';
import { DuplicateJobError, NotReplicatedError } from '../../redis/errors.js';
import type { EnqueueOptions as JobOptions } from '../../streams/queue.js';
import { parseCallArguments } from '../call-arguments.js';
import { type CommonOptions, withCommonOptions, withRq } from '../connect.js';
import { ExitError, exitCodes, UsageError } from '../exit.js';
import type { Io } from '../io.js';
import {
  date,
  duration,
  jsonObject,
  repeated,
  serializerKind,
  wholeNumber,
} from '../option-values.js';

interface EnqueueOptions extends CommonOptions {
  queue: string;
  jobId?: string;
  timeout?: number;
  ttl?: number;
  resultTtl?: number;
  failureTtl?: number;
  description?: string;
  atFront?: boolean;
  dependsOn?: string[];
  scheduleIn?: number;
  scheduleAt?: Date;
  retryMax?: number;
  retryInterval?: number[];
  meta?: Record<string, unknown>;
  group?: string;
  onSuccess?: string;
  onFailure?: string;
  onStopped?: string;
  waitReplicas?: number;
  serializer: 'json' | 'pickle';
  quiet?: boolean;
}

/** How arguments are written, for the help of every command that takes some. */
export const argumentHelp = `
Arguments: text, :json, %literal (Python), key=text, key:=json, key%=literal;
a value that begins with @ is read from that file.`;

/** `rxrq enqueue`: puts one job on a queue and prints its id. RQ: `rq enqueue`. */
export const enqueueCommand = (program: Command, io: Io): void => {
  withCommonOptions(program.command('enqueue'))
    .description('put a job on a queue and print its id')
    .argument('<name>', 'the handler, such as tasks.add')
    .argument('[args...]', 'its arguments')
    .option('-q, --queue <queue>', 'which queue', 'default')
    .option('--job-id <id>', 'instead of a random one')
    .option(
      '--timeout <duration>',
      'how long a run may take (default: 180; -1: no limit)',
      duration,
    )
    .option('--ttl <duration>', 'how long it may wait', duration)
    .option(
      '--result-ttl <duration>',
      'how long it is kept when it succeeded (-1: for ever)',
      duration,
    )
    .option(
      '--failure-ttl <duration>',
      'how long it is kept when it failed (-1: for ever)',
      duration,
    )
    .option('--description <text>', 'for humans')
    .option('--at-front', 'to the front of the queue')
    .option('--depends-on <id>', 'only after this job has finished (repeatable)', repeated(String))
    .option('--schedule-in <duration>', 'only after this pause', duration)
    .option('--schedule-at <date>', 'only from then on, such as 2027-01-31T08:00:00Z', date)
    .option('--retry-max <n>', 'further attempts after a failure', wholeNumber(0))
    .option(
      '--retry-interval <duration>',
      'pause before an attempt (repeatable)',
      repeated(duration),
    )
    .option('--meta <json>', 'an object, readable while it runs', jsonObject)
    .option('--group <name>', 'the group that it belongs to')
    .option('--on-success <handler>', 'a handler to call with its result, before it is finished')
    .option('--on-failure <handler>', 'a handler to call with its error')
    .option('--on-stopped <handler>', 'a handler to call once it was stopped')
    .option(
      '-S, --serializer <kind>',
      'json, or pickle for Python workers with their default',
      serializerKind,
      'json',
    )
    .option('--wait-replicas <n>', 'end with 0 only once so many replicas have it', wholeNumber(0))
    .option('--quiet', 'do not print the id')
    .addHelpText('after', `${argumentHelp}\nText stays text, as in rq: a number is :2.`)
    .action((name: string, args: string[], options: EnqueueOptions, self: Command) => {
      // In the environment or in the file it is a word for the jobs that are retried.
      if (self.getOptionValueSource('retryInterval') === 'cli' && !options.retryMax)
        throw new UsageError('--retry-interval needs --retry-max');
      return enqueue(io, name, args, options);
    });
};

const enqueue = async (
  io: Io,
  name: string,
  given: string[],
  options: EnqueueOptions,
): Promise<void> => {
  const { args, kwargs } = parseCallArguments(given);
  const jobOptions = { ...jobOptionsOf(options), kwargs };
  await withRq(io, options, async (rq) => {
    const queue = rq.queue(options.queue);
    const tell = (jobId: string): void => {
      if (options.json) io.json({ jobId, queue: queue.name, name });
      else if (!options.quiet) io.out(jobId);
    };
    const job = await queue.enqueueWith(jobOptions, name, ...args).catch((error: unknown) => {
      // The library's message names an option of the library.
      if (error instanceof DuplicateJobError)
        throw new UsageError(`a job with id ${error.jobId} exists already`);
      if (!(error instanceof NotReplicatedError)) throw error;
      tell(error.jobId);
      throw new ExitError(exitCodes.failed, error.message);
    });
    tell(job.id);
  });
};

const jobOptionsOf = (options: EnqueueOptions): JobOptions => {
  const {
    jobId,
    timeout,
    ttl,
    resultTtl,
    failureTtl,
    description,
    dependsOn,
    scheduleIn,
    scheduleAt,
    retryMax = 0,
    retryInterval,
  } = options;
  if (scheduleIn !== undefined && scheduleAt !== undefined)
    throw new UsageError('--schedule-in and --schedule-at exclude each other');
  return {
    serializer: options.serializer,
    atFront: options.atFront === true,
    ...(jobId !== undefined && { jobId }),
    ...(timeout !== undefined && { timeoutSeconds: timeout }),
    ...(ttl !== undefined && { ttlSeconds: ttl }),
    ...(resultTtl !== undefined && { resultTtlSeconds: resultTtl }),
    ...(failureTtl !== undefined && { failureTtlSeconds: failureTtl }),
    ...(description !== undefined && { description }),
    ...(dependsOn && { dependsOn }),
    ...(options.meta && { meta: options.meta }),
    ...(options.group !== undefined && { groupId: options.group }),
    ...(options.onSuccess !== undefined && { onSuccess: options.onSuccess }),
    ...(options.onFailure !== undefined && { onFailure: options.onFailure }),
    ...(options.onStopped !== undefined && { onStopped: options.onStopped }),
    ...(options.waitReplicas !== undefined && { waitReplicas: options.waitReplicas }),
    ...(scheduleIn !== undefined && { in: scheduleIn }),
    ...(scheduleAt !== undefined && { at: scheduleAt }),
    ...(retryMax > 0 && {
      retry: { max: retryMax, ...(retryInterval && { intervalsSeconds: retryInterval }) },
    }),
  };
};
