import type { Redis } from 'ioredis';
import { keys, prefixes } from './keys.js';
import { fromTimestamp } from './timestamp.js';
import { passingOver, type TellWrongType } from './wrong-type.js';

/** A worker as its hash tells of it, Node's or Python's. What is missing or unreadable is `null` or empty. */
export interface ListedWorker {
  readonly name: string;
  /** In the order in which it takes from them. */
  readonly queues: readonly string[];
  /** RQ's `started`, `idle`, `busy`, `suspended`; `?` when there is none. */
  readonly state: string;
  readonly hostname: string;
  readonly ipAddress: string;
  readonly pid: number | null;
  readonly version: string;
  readonly birth: Date | null;
  readonly lastHeartbeat: Date | null;
  /** Of Python's workers only: a worker of ours may run many. */
  readonly currentJobId: string | null;
  readonly finishedJobs: number;
  readonly failedJobs: number;
  readonly workingSeconds: number;
}

const fields = [
  'queues',
  'state',
  'hostname',
  'ip_address',
  'pid',
  'version',
  'birth',
  'last_heartbeat',
  'current_job',
  'successful_job_count',
  'failed_job_count',
  'total_working_time',
] as const;

/**
 * Workers that listen to one of the queues, or all that are registered; sorted by name. Nothing is changed:
 * a name without a hash is passed over and left for the cleaners; so is one with a key of a wrong type, and the set of a
 * queue that is none, and they are told. RQ: `Worker.all`.
 *
 * @throws WrongKeyTypeError for the set of all workers
 */
export const listWorkers = async (
  redis: Redis,
  queues: readonly string[] | undefined,
  tell: TellWrongType,
): Promise<ListedWorker[]> => {
  const members = queues
    ? await Promise.all(
        queues.map((queue) => passingOver(redis.smembers(keys.workersOf(queue)), [], tell)),
      )
    : [await redis.smembers(keys.workers)];
  const found = [...new Set(members.flat())]
    .filter((key) => key.startsWith(prefixes.worker))
    .sort();
  const hashes = await Promise.all(
    found.map((key) => passingOver(redis.hmget(key, ...fields), [], tell)),
  );
  return found.flatMap((key, index) => {
    const values = hashes[index] as Array<string | null>;
    if (values.every((value) => value === null)) return [];
    return [readWorker(key.slice(prefixes.worker.length), values)];
  });
};

const readWorker = (name: string, values: ReadonlyArray<string | null>): ListedWorker => {
  const text = (field: (typeof fields)[number]): string => values[fields.indexOf(field)] ?? '';
  const number = (field: (typeof fields)[number]): number => {
    const value = text(field);
    return value.length < 30 && Number.isFinite(Number(value)) ? Number(value) : 0;
  };
  return {
    name,
    queues: text('queues').split(',').filter(Boolean),
    state: text('state') || '?',
    hostname: text('hostname'),
    ipAddress: text('ip_address'),
    pid: /^\d{1,10}$/.test(text('pid')) ? Number(text('pid')) : null,
    version: text('version'),
    birth: fromTimestamp(text('birth')),
    lastHeartbeat: fromTimestamp(text('last_heartbeat')),
    currentJobId: text('current_job') || null,
    finishedJobs: number('successful_job_count'),
    failedJobs: number('failed_job_count'),
    workingSeconds: number('total_working_time'),
  };
};
