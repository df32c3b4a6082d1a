import type { JobOptions } from '../../redis/job-options.js';
import type { Task } from '../../tasks.js';

const brand = Symbol.for('rxrq.cronEntries');

type ArgsOf<T> = T extends Task<infer Args, unknown> ? Args : unknown[];
type WithArgs<Args extends unknown[]> = [] extends Args ? { args?: Args } : { args: Args };

/** What every cron entry has, whatever it calls. */
export interface CronSettings {
  /**
   * What it is called in RQ's lists and histories. Default: the task's name. With the queue it is the entry's identity:
   * of two processes that have the same entry, one enqueues each tick. Unique within a file and queue.
   */
  name?: string;
  /** Default `default`. */
  queue?: string;
  /**
   * Five fields, or six with the seconds first, or `@daily` and the like: `*`, numbers, names, lists, ranges, steps; and
   * `L`, `15W` (day of month), `MON#2` (weekday).
   */
  cron?: string;
  /** IANA name of the zone in which `cron` is meant. Default `UTC`, as RQ has it. */
  timeZone?: string;
  /** Whole seconds between two runs, in place of `cron`. The first one is at once, unless the last one, anywhere, was nearer than that. */
  intervalSeconds?: number;
  /**
   * Of `cron` only: ticks of the last so many seconds that nobody enqueued, because no process was up, are made up for
   * when one comes up. Default 0, as RQ has it: they are missed.
   */
  catchUpSeconds?: number;
  /** Of each job. */
  options?: Omit<
    JobOptions,
    'jobId' | 'onDuplicate' | 'unique' | 'dependsOn' | 'at' | 'in' | 'inMs'
  >;
}

/** One thing to be done again and again. */
export type CronEntry<T = string | Task<never[], unknown>> = CronSettings & {
  /** A task of `defineTasks`, or a name, for handlers whose code is elsewhere. */
  task: T;
} & WithArgs<ArgsOf<T>>;

/** A list of entries that has been checked; what a module for `rxrq cron` exports. */
export interface CronEntries {
  readonly entries: readonly CronEntry[];
  readonly [brand]: true;
}

/**
 * Says what is to be enqueued when; arguments are checked against each task. A module for `rxrq cron` exports
 * what this returns; `bootCron` takes it as well. The entries are checked when they are booted.
 *
 * ```ts
 * export default defineCron([
 *   { task: reports.build, args: ['daily'], cron: '0 3 * * *', timeZone: 'Europe/Berlin', queue: 'reports' },
 *   { task: 'tasks.ping', intervalSeconds: 30 },
 * ]);
 * ```
 *
 * @throws TypeError when it is not given a list
 */
export const defineCron = <const Tasks extends ReadonlyArray<string | Task<never[], unknown>>>(
  entries: {
    readonly [Key in keyof Tasks]: CronEntry<Tasks[Key]>;
  },
): CronEntries => {
  if (!Array.isArray(entries)) throw new TypeError('defineCron takes a list of entries');
  return Object.freeze({ entries: [...entries] as CronEntry[], [brand]: true as const });
};

/** Whether the value came out of `defineCron`, of this copy of the package or another one. */
export const isCronEntries = (value: unknown): value is CronEntries =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, brand);
