import { hostname } from 'node:os';
import { Cipher, type EncryptionOptions } from '../redis/cipher.js';
import { addressOr, type RedisAddress } from '../redis/connection.js';
import { InvalidOptionError } from '../redis/errors.js';
import { checkKnown } from '../redis/known-options.js';
import { checkQueueName } from '../redis/names.js';
import { planWire, type WireSettings } from '../redis/transitions/queue-keys.js';
import { checkOrder, type QueueOrder } from '../streams/queue-order.js';
import { type Durability, durabilities } from './durability.js';
import { isDeniedVariable } from './executor/child-environment.js';
import { commandFilter, type ObeyedCommands } from './obeyed-commands.js';
import type { Prefetch } from './prefetch.js';
import { type WebhookHosts, webhookFilter } from './webhook-hosts.js';

/** Where handlers run. Outcomes, events and options are the same for all three. */
export type Isolation =
  /** In forked children that are used again. Default. */
  | 'pool'
  /** In a child of its own for each job, forked ahead. RQ's way. */
  | 'fork-per-job'
  /** In the worker's own process, many at a time: for handlers that mostly wait. Nothing can be killed. */
  | 'inline';

/** How a worker is to be. Every field has a default but the handlers' modules. */
export interface WorkerOptions {
  /** Where Redis is. Default: `REDIS_URL`, else `redis://localhost:6379`. */
  url?: RedisAddress;
  /** Queues to work on. Default: `default`. */
  queues?: readonly string[];
  /** In which order it takes from them. Default `strict`: from the first one that has a job. */
  order?: QueueOrder;
  /** Must be unique among living workers. Default: a random one. */
  name?: string;
  /** How many jobs may run at a time. Default 1; with `inline` 10. */
  concurrency?: number;
  isolation?: Isolation;
  /** `adaptive`: short jobs are claimed a little ahead while more wait. `0`: never. Default `adaptive`. */
  prefetch?: Prefetch;
  /** Stop when the queues are empty. */
  burst?: boolean;
  /** Move scheduled jobs, delayed retries and repeats of its queues when they are due. Default true. */
  scheduler?: boolean;
  /** Stop after so many jobs. */
  maxJobs?: number;
  /** Stop when there was nothing to do for so many seconds. RQ: `max_idle_time`. Default: no limit. */
  maxIdleSeconds?: number;
  /**
   * Show the job that runs longest as the worker's `current_job`, once it has run for a second. Dashboards that read
   * jobs with another serializer fail on it. Default false.
   */
  publishCurrentJob?: boolean;
  /**
   * When Redis does not keep all that it acknowledges, by its settings of persistence and eviction: `warn` tells
   * `onTrouble`, `require` refuses to start, `ignore` does not look. Default `warn`.
   */
  durability?: Durability;
  /** How long running jobs may go on after the worker was asked to stop, in milliseconds. Default: no limit. */
  graceMs?: number;
  /** A child is replaced after so many jobs. Default 1,000,000: a new one costs, until it is warm, as much as ten thousand short ones. */
  maxJobsPerChild?: number;
  /** A child is replaced when a job leaves it with more resident memory, in MiB. Default 512. */
  recycleAboveMiB?: number;
  /** A child is killed when its job takes more resident memory, in MiB. Default: no limit. */
  killAboveMiB?: number;
  /** Between the steps of ending a job by force (abort, SIGTERM, SIGKILL), in milliseconds. Default 5,000. */
  killGraceMs?: number;
  /** Results with more bytes fail their job. Default 1 MiB. */
  maxResultBytes?: number;
  /** Additional environment of children, whatever the names. */
  env?: Record<string, string>;
  /**
   * Names of the only variables of the worker that its children get, beside those that Node needs to run (`PATH`, `HOME`,
   * `TZ`, …). Default: all. Those that begin with `REDIS_`, `RQ_` or `RXRQ_`, and Node's own control variables, children
   * never get from the worker, only by `env`. With `inline` there are no children, and handlers see all.
   */
  inheritEnv?: readonly string[];
  /**
   * Where webhooks of jobs may go: `all`, `none`, or to these hosts, each with any port (`example.com`) or with one
   * (`example.com:8080`). What is not allowed is not sent, and `onTrouble` is told. Default `all`.
   */
  webhooks?: WebhookHosts;
  /**
   * Which commands of others it obeys: `all`, `none`, or some of `stop-job`, `kill-horse` and `shutdown`. What it does not obey it
   * refuses, and tells `onTrouble`. Signals, cancellations and suspensions are no commands. Default `all`.
   */
  commands?: ObeyedCommands;
  /** The keys of encrypted jobs. They stay in the worker's process; no child gets them. */
  encryption?: EncryptionOptions;
  wire?: Partial<WireSettings>;
}

/** The options with every default in place. */
export interface WorkerPlan {
  url: RedisAddress;
  queues: readonly string[];
  order: QueueOrder;
  name: string;
  concurrency: number;
  isolation: Isolation;
  prefetch: Prefetch;
  burst: boolean;
  scheduler: boolean;
  maxJobs: number;
  maxIdleSeconds: number;
  publishCurrentJob: boolean;
  durability: Durability;
  graceMs: number;
  maxJobsPerChild: number;
  recycleAboveMiB: number;
  killAboveMiB: number;
  killGraceMs: number;
  maxResultBytes: number;
  env: Record<string, string>;
  /** `null`: all that are not denied. */
  inheritEnv: readonly string[] | null;
  webhooks: WebhookHosts;
  commands: ObeyedCommands;
  cipher: Cipher | null;
  wire: WireSettings;
}

const defaults = {
  prefetch: 'adaptive' as const,
  burst: false,
  scheduler: true,
  maxJobs: Number.POSITIVE_INFINITY,
  maxIdleSeconds: Number.POSITIVE_INFINITY,
  publishCurrentJob: false,
  durability: 'warn' as const,
  order: 'strict' as const,
  graceMs: Number.POSITIVE_INFINITY,
  maxJobsPerChild: 1_000_000,
  recycleAboveMiB: 512,
  killAboveMiB: Number.POSITIVE_INFINITY,
  killGraceMs: 5_000,
  maxResultBytes: 1_048_576,
  env: {},
  inheritEnv: null,
  webhooks: 'all' as const,
  commands: 'all' as const,
};

/** Names of all options, for whoever passes some of them on. */
export const workerOptionNames = [
  ...Object.keys(defaults),
  'url',
  'queues',
  'name',
  'concurrency',
  'isolation',
  'encryption',
  'wire',
] as ReadonlyArray<keyof WorkerOptions>;
const known = new Set<string>(workerOptionNames);

const counts = [
  'concurrency',
  'killGraceMs',
  'maxResultBytes',
  'maxJobs',
  'maxJobsPerChild',
] as const;
const switches = ['burst', 'scheduler', 'publishCurrentJob'] as const;
const mayBeInfinite: readonly string[] = ['maxJobs', 'maxJobsPerChild'];
const amounts = ['recycleAboveMiB', 'killAboveMiB', 'maxIdleSeconds'] as const;

/** @throws InvalidOptionError, InvalidNameError */
export const planWorker = (options: WorkerOptions): WorkerPlan => {
  checkKnown(options, known);
  const { encryption, ...given } = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as WorkerOptions;
  const isolation = given.isolation ?? 'pool';
  if (!['pool', 'fork-per-job', 'inline'].includes(isolation)) {
    throw new InvalidOptionError('isolation', 'it must be pool, fork-per-job or inline');
  }
  const plan: WorkerPlan = {
    ...defaults,
    ...given,
    url: addressOr(given.url),
    isolation,
    queues: [...new Set(given.queues ?? ['default'])].map(checkQueueName),
    name: given.name ?? defaultName(),
    concurrency: given.concurrency ?? (isolation === 'inline' ? 10 : 1),
    cipher: encryption ? new Cipher(encryption) : null,
    wire: planWire(given.wire),
  };
  if (plan.queues.length === 0)
    throw new InvalidOptionError('queues', 'it must name at least one queue');
  if (plan.prefetch !== 0 && plan.prefetch !== 'adaptive')
    throw new InvalidOptionError('prefetch', "it must be 0 or 'adaptive'");
  if (!durabilities.includes(plan.durability))
    throw new InvalidOptionError('durability', `it must be one of ${durabilities.join(', ')}`);
  if (!/^[^\s,]{1,100}$/.test(plan.name))
    throw new InvalidOptionError('name', 'it must be 1 to 100 characters without comma or space');
  for (const option of counts) {
    const value = plan[option];
    const isUnlimited = value === Number.POSITIVE_INFINITY && mayBeInfinite.includes(option);
    if (!(isUnlimited || (Number.isSafeInteger(value) && value >= 1)))
      throw new InvalidOptionError(option, 'it must be a whole number above 0');
  }
  for (const option of amounts) {
    const value: unknown = plan[option];
    if (!(typeof value === 'number' && value > 0))
      throw new InvalidOptionError(option, 'it must be a number above 0');
  }
  if (!(typeof plan.graceMs === 'number' && plan.graceMs >= 0))
    throw new InvalidOptionError('graceMs', 'it must be a number of milliseconds, 0 or more');
  for (const option of switches) {
    if (typeof plan[option] !== 'boolean')
      throw new InvalidOptionError(option, 'it must be true or false');
  }
  checkOrder(plan.order, plan.queues);
  webhookFilter(plan.webhooks);
  commandFilter(plan.commands);
  if (given.inheritEnv !== undefined) checkNames(given.inheritEnv);
  return plan;
};

const checkNames = (given: unknown): void => {
  if (!Array.isArray(given) || !given.every((name) => typeof name === 'string'))
    throw new InvalidOptionError('inheritEnv', 'it must be a list of names of variables');
  for (const name of given) {
    if (!/^[A-Za-z_][\w.-]*$/.test(name))
      throw new InvalidOptionError('inheritEnv', `'${name}' is no name of a variable`);
    // Left out in silence, it would be missed in the handler.
    if (isDeniedVariable(name))
      throw new InvalidOptionError(
        'inheritEnv',
        `children never inherit ${name}; env gives it to them`,
      );
  }
};

// A pid comes again, also on the same host: only the random part makes the name unique.
const defaultName = (): string =>
  `${hostname()
    .replace(/[^\w.-]/g, '')
    .slice(0, 20)}-${Math.random().toString(36).slice(2, 8)}`;
