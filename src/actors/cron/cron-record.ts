import { toTimestamp } from '../../redis/timestamp.js';
import type { CronPlan } from './cron-plan.js';
import { asCroniter } from './cron-schedule.js';

/** When an entry's newest tick was due, and when the next one is, in milliseconds; `null` while that is unknown. */
export interface CronTimes {
  latestMs: number | null;
  nextMs: number | null;
}

/** The text that RQ's readers take for a value that JSON cannot hold. */
const notSerializable = '<not JSON serializable>';

/**
 * An entry as RQ's `CronJob.to_dict` writes it, for the `cron_jobs` of a cron process. Its `from_dict` must accept every
 * field. `x_` fields are ours and passed over there.
 */
export const cronRecordOf = (plan: CronPlan, times: CronTimes): Record<string, unknown> => {
  const { name, queue, functionName, args, options, fields, when } = plan;
  const field = (wanted: string): unknown =>
    fields.find((_, index) => fields[index - 1] === wanted && index % 2 === 1);
  const isCron = 'schedule' in when;
  return {
    func_name: functionName,
    name,
    queue_name: queue,
    args: args.length > 0 ? jsonText(args) : null,
    kwargs: Object.keys(options.kwargs ?? {}).length > 0 ? jsonText(options.kwargs) : null,
    interval: isCron ? null : when.intervalMs / 1_000,
    cron: isCron ? asCroniter(when.schedule.expression) : null,
    latest_enqueue_time: times.latestMs === null ? null : toTimestamp(times.latestMs),
    next_enqueue_time: times.nextMs === null ? null : toTimestamp(times.nextMs),
    job_timeout: field('timeout'),
    result_ttl: field('result_ttl'),
    ttl: field('ttl'),
    failure_ttl: field('failure_ttl'),
    meta: options.meta === undefined ? undefined : jsonText(options.meta),
    // In the hash of a job they are the same text.
    webhooks: field('webhooks'),
    ...(isCron && { x_cron: when.schedule.expression, x_time_zone: when.schedule.timeZone }),
  };
};

const jsonText = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? notSerializable;
  } catch {
    return notSerializable; // A bigint: Python's tools show it so, and the job has it all the same.
  }
};
