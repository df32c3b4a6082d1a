import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import { type Durability, durabilities } from '../../actors/durability.js';
import { handlerModuleUrl } from '../../actors/handlers/load-handlers.js';
import type { ObeyedCommands } from '../../actors/obeyed-commands.js';
import { type Isolation, planWorker } from '../../actors/worker-options.js';
import { type BootOptions, bootWorker } from '../../boot/boot-worker.js';
import type { QueueOrder } from '../../streams/queue-order.js';
import { captureOutput } from '../captured-output.js';
import { type CommonOptions, redisAddress, withCommonOptions, withRq } from '../connect.js';
import { ExitError, exitCodes, UsageError } from '../exit.js';
import type { Io } from '../io.js';
import {
  duration,
  homeFile,
  repeated,
  seconds,
  weight,
  wholeNumber,
  wordOrNames,
} from '../option-values.js';
import { redactorFor } from '../redact.js';
import { WorkerReport } from '../worker-report.js';

export interface WorkerCommandOptions extends CommonOptions {
  import?: string[];
  container?: string;
  concurrency?: number;
  isolation: Isolation;
  prefetch: '0' | 'adaptive';
  burst?: boolean;
  maxJobs?: number;
  name?: string;
  grace?: number;
  maxJobsPerChild?: number;
  inheritEnv?: string[];
  webhooks?: string[];
  commands?: string[];
  lease?: number;
  resultsTtl?: number;
  maxIdleTime?: number;
  dequeueStrategy: 'default' | 'round_robin' | 'random';
  weight?: Array<[queue: string, weight: number]>;
  pid?: string;
  quiet?: boolean;
  publishCurrentJob?: boolean;
  durability: Durability;
  scheduler: boolean;
}

/** What a worker and each one of a pool may be told. */
export const withWorkerFlags = (command: Command): Command =>
  withCommonOptions(command)
    .argument('[queues...]', 'queues to work on', ['default'])
    .option(
      '--import <file>',
      'module whose exports are the handlers (repeatable)',
      repeated(String),
    )
    .option('--container <file>', 'module that exports configure(container)')
    .option('--concurrency <n>', 'jobs at a time (default: 1, inline 10)', wholeNumber(1))
    .addOption(
      new Option('--isolation <kind>', 'where handlers run')
        .choices(['pool', 'fork-per-job', 'inline'])
        .default('pool'),
    )
    .addOption(
      new Option('--prefetch <kind>', 'whether short jobs are claimed ahead')
        .choices(['0', 'adaptive'])
        .default('adaptive'),
    )
    .option('-b, --burst', 'stop when the queues are empty')
    .option('--max-jobs <n>', 'stop after so many jobs', wholeNumber(1))
    .option('--max-idle-time <seconds>', 'stop after so long without a job', seconds(0.1))
    .addOption(
      new Option('--dequeue-strategy <kind>', 'in which order the queues are asked')
        .choices(['default', 'round_robin', 'random'])
        .default('default'),
    )
    .option(
      '--weight <queue=n>',
      'take turns, this queue n times as often as one without (repeatable)',
      repeated(weight),
    )
    .option(
      '--grace <seconds>',
      'how long running jobs may go on after a signal (default: until they are done)',
      seconds(0),
    )
    .option(
      '--max-jobs-per-child <n>',
      'replace a child after so many jobs (default: 10000)',
      wholeNumber(1),
    )
    .option(
      '--inherit-env <name>',
      'the only variables that children get, beside what Node needs (repeatable; default: all)',
      repeated(String),
    )
    .option(
      '--webhooks <host>',
      'the only host, or host:port, that webhooks of jobs are sent to; none or all (repeatable; default: all)',
      repeated(String),
    )
    .option(
      '--commands <name>',
      'the only command that is obeyed: stop-job, kill-horse, shutdown; none or all (repeatable; default: all)',
      repeated(String),
    )
    .option(
      '--lease <seconds>',
      'how long a silent worker keeps its jobs (default: 30)',
      seconds(1),
    )
    .option('-s, --with-scheduler', 'move scheduled jobs of the queues: what it does anyhow')
    .option('--no-scheduler', 'leave that to others')
    .addOption(
      new Option('--durability <kind>', 'what to do about a Redis that may lose jobs')
        .choices(durabilities)
        .default('warn'),
    )
    .option('--publish-current-job', 'show the running job in `rq info` and dashboards')
    .addHelpText('after', '\nThe first Ctrl-C lets running jobs end, the second stops now.');

/** `rxrq worker`: runs jobs until it is stopped. */
export const workerCommand = (program: Command, io: Io): void => {
  withWorkerFlags(program.command('worker'))
    .description('run jobs of the queues, in strict order of the queues unless told otherwise')
    .option('-n, --name <name>', 'unique among living workers (default: a random one)')
    .option(
      '--results-ttl <duration>',
      'how long a job is kept that succeeded and does not say so itself (default: 500; -1: for ever)',
      duration,
    )
    .option('--pid <file>', 'write the process id to this file', homeFile)
    .option('-q, --quiet', 'print no line for a job that finished')
    .action((queues: string[], options: WorkerCommandOptions) => runWorker(io, queues, options));
};

const runWorker = async (
  io: Io,
  queues: string[],
  options: WorkerCommandOptions,
): Promise<void> => {
  const boot = bootOptionsOf(queues, options);
  const { handlers: _handlers, container: _container, ...workerOptions } = boot;
  const plan = planWorker(workerOptions);
  // Said at once and as what it is; bootWorker would try for longer.
  await withRq(io, options, async (rq) => {
    if (await rq.isSuspended())
      throw new ExitError(exitCodes.failed, 'all workers are suspended; rxrq resume ends that');
  });
  if (options.pid !== undefined) writePid(options.pid);

  const { concurrency, isolation, graceMs } = plan;
  const redact = redactorFor(redisAddress(options));
  const report = new WorkerReport(io, {
    queues: plan.queues,
    concurrency,
    json: options.json === true,
    quiet: options.quiet === true,
    redact,
  });
  io.outliveOutput();
  if (isolation === 'inline') {
    captureOutput((jobId, stream, text) =>
      report.takeOutput(jobId === null ? null : { jobId }, stream, text),
    );
  }
  let signals = 0;
  let stopEarly: (() => void) | null = null;
  io.onSignal((signal) => {
    signals += 1;
    if (signals <= 2) report.stopping(signal, signals === 2, graceMs);
    // bootWorker listens to signals once the worker is up; before that it is for us to remember them.
    if (!stopEarly && signals >= 2) process.exit(exitCodes.interrupted);
  });
  try {
    const worker = await bootWorker({ ...boot, name: plan.name, on: report.events });
    stopEarly = () => void worker.stop();
    report.up(worker.name, worker.handlers, isolation);
    if (signals > 0) stopEarly();
    const summary = await worker.done;
    report.stopped(summary);
    if (summary.left.length > 0) throw new ExitError(exitCodes.failed);
  } finally {
    report.end();
  }
};

/** @throws UsageError */
const writePid = (path: string): void => {
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (error) {
    throw new UsageError(`--pid: ${(error as Error).message}`);
  }
};

const orderOf = ({ dequeueStrategy, weight }: WorkerCommandOptions): QueueOrder => {
  if (weight?.length) return { weights: Object.fromEntries(weight) };
  return dequeueStrategy === 'default'
    ? 'strict'
    : dequeueStrategy === 'round_robin'
      ? 'round-robin'
      : 'random';
};

/** @throws UsageError, InvalidOptionError, InvalidNameError */
export const bootOptionsOf = (queues: string[], options: WorkerCommandOptions): BootOptions => {
  if (!options.import?.length)
    throw new UsageError('--import FILE is missing: a worker runs only handlers that it was given');
  for (const module of [
    ...options.import,
    ...(options.container === undefined ? [] : [options.container]),
  ]) {
    const path = fileURLToPath(handlerModuleUrl(module));
    if (!existsSync(path))
      throw new UsageError(`handler module ${path} did not load: there is no such file`);
  }
  const { container, concurrency, maxJobs, name, grace, maxJobsPerChild, lease, resultsTtl } =
    options;
  const { inheritEnv, webhooks, commands } = options;
  return {
    url: redisAddress(options),
    queues,
    handlers: options.import,
    isolation: options.isolation,
    prefetch: options.prefetch === '0' ? 0 : 'adaptive',
    burst: options.burst === true,
    scheduler: options.scheduler,
    order: orderOf(options),
    durability: options.durability,
    publishCurrentJob: options.publishCurrentJob === true,
    ...(options.maxIdleTime !== undefined && { maxIdleSeconds: options.maxIdleTime }),
    ...(container !== undefined && { container }),
    ...(concurrency !== undefined && { concurrency }),
    ...(maxJobs !== undefined && { maxJobs }),
    ...(name !== undefined && { name }),
    ...(grace !== undefined && { graceMs: grace * 1_000 }),
    ...(maxJobsPerChild !== undefined && { maxJobsPerChild }),
    ...(inheritEnv !== undefined && { inheritEnv }),
    ...(webhooks !== undefined && { webhooks: wordOrNames('--webhooks', webhooks) }),
    // Which names there are is for the plan to say.
    ...(commands !== undefined && {
      commands: wordOrNames('--commands', commands) as ObeyedCommands,
    }),
    wire: {
      ...(lease !== undefined && { narrowLeaseMs: lease * 1_000 }),
      ...(resultsTtl !== undefined && { resultTtlSeconds: resultsTtl }),
    },
  };
};
