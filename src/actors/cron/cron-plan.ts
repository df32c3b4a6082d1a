import type { JobOptions } from '../../redis/job-options.js';
import { checkQueueName } from '../../redis/names.js';
import { newJobOf } from '../../redis/new-job.js';
import type { NewJob } from '../../redis/transitions/enqueue.js';
import { isTask } from '../../tasks.js';
import type { CronEntry } from './cron-entry.js';
import { CronSchedule } from './cron-schedule.js';
import { CronEntryError } from './errors.js';

/** An entry that was checked, with every default in place. */
export interface CronPlan {
  name: string;
  queue: string;
  functionName: string;
  args: readonly unknown[];
  options: JobOptions;
  /** Of each job's hash, from the options: fields and values, in turn. */
  fields: NewJob['fields'];
  when: { schedule: CronSchedule; catchUpMs: number } | { intervalMs: number };
  newJob(): NewJob;
}

const known: ReadonlyArray<keyof CronEntry> = [
  'task',
  'args',
  'name',
  'queue',
  'cron',
  'timeZone',
  'intervalSeconds',
  'catchUpSeconds',
  'options',
];
const longestSeconds = 315_360_000;

/** A tick has a time, and each makes a job of its own. */
const notOfTicks = ['jobId', 'onDuplicate', 'unique', 'dependsOn', 'at', 'in', 'inMs'];

/** @throws CronEntryError naming the entry and the field */
export const planCron = (entries: readonly CronEntry[]): CronPlan[] => {
  const plans = entries.map(planEntry);
  const seen = new Map<string, number>();
  plans.forEach(({ queue, name }, index) => {
    const key = JSON.stringify([queue, name]);
    const first = seen.get(key);
    if (first !== undefined) {
      const rule = `entry ${first} of queue ${queue} has it too; give one of them another`;
      throw new CronEntryError(`${index} (${name})`, 'name', rule);
    }
    seen.set(key, index);
  });
  return plans;
};

const planEntry = (entry: CronEntry, index: number): CronPlan => {
  if (entry === null || typeof entry !== 'object')
    throw new CronEntryError(String(index), 'entry', 'it must be an object');
  const functionName = isTask(entry.task) ? entry.task.name : entry.task;
  const shown = entry.name ?? functionName;
  const wrong = (field: string, rule: string, cause?: unknown): CronEntryError => {
    const error = new CronEntryError(`${index} (${String(shown).slice(0, 80)})`, field, rule);
    if (cause !== undefined) error.cause = cause;
    return error;
  };
  const checked = <T>(field: string, make: () => T): T => {
    try {
      return make();
    } catch (error) {
      throw wrong(field, error instanceof Error ? error.message : String(error), error);
    }
  };
  for (const field of Object.keys(entry)) {
    if (!(known as readonly string[]).includes(field))
      throw wrong(field, `it is none of ${known.join(', ')}`);
  }
  if (typeof functionName !== 'string' || functionName === '')
    throw wrong('task', 'it must be a task of defineTasks, or a name');
  const name = entry.name ?? functionName;
  if (typeof name !== 'string' || name === '' || name.length > 200 || /\p{Cc}/u.test(name))
    throw wrong('name', 'it must be 1 to 200 characters');
  const args = entry.args ?? [];
  if (!Array.isArray(args)) throw wrong('args', 'it must be a list');
  const options = { ...entry.options };
  for (const option of notOfTicks) {
    if (option in options)
      throw wrong(`options.${option}`, 'each tick makes a job of its own, which waits for none');
  }
  const newJob = (): NewJob => newJobOf(functionName, args, options);
  const { fields } = checked('options or args', newJob);
  return {
    name,
    queue: checked('queue', () => checkQueueName(entry.queue ?? 'default')),
    functionName,
    args,
    options,
    fields,
    when: whenOf(entry, wrong),
    newJob,
  };
};

const whenOf = (
  { cron, timeZone, intervalSeconds, catchUpSeconds }: CronEntry,
  wrong: (field: string, rule: string, cause?: unknown) => CronEntryError,
): CronPlan['when'] => {
  if ((cron === undefined) === (intervalSeconds === undefined))
    throw wrong('cron', 'there must be either cron or intervalSeconds');
  const within = (field: string, value: unknown, least: number): number => {
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > longestSeconds)
      throw wrong(field, `it must be whole seconds, from ${least} to ${longestSeconds}`);
    return (value as number) * 1_000;
  };
  if (cron === undefined) {
    for (const [field, value] of Object.entries({ timeZone, catchUpSeconds }))
      if (value !== undefined) throw wrong(field, 'it belongs to cron, not to intervalSeconds');
    return { intervalMs: within('intervalSeconds', intervalSeconds, 1) };
  }
  if (typeof cron !== 'string') throw wrong('cron', 'it must be an expression');
  const catchUpMs = within('catchUpSeconds', catchUpSeconds ?? 0, 0);
  const zone = timeZone ?? 'UTC';
  try {
    return { schedule: new CronSchedule(cron, zone), catchUpMs };
  } catch (error) {
    const rule = error instanceof Error ? error.message : String(error);
    throw wrong(/time zone$/.test(rule) ? 'timeZone' : 'cron', rule, error);
  }
};
