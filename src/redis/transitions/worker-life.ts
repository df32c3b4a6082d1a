import type { Redis } from 'ioredis';
import { keys } from '../keys.js';
import { loadScript, runScript } from '../scripts.js';

const heartbeat = loadScript('heartbeat');
const death = loadScript('death');
const shutdown = loadScript('shutdown');

/** RQ keeps an idle worker's record for 480 s; ours is renewed often, so that a dead worker is gone sooner. */
export const recordTtlSeconds = 90;
export const recordEveryMs = 20_000;

/** A worker as RQ's tools list it. Source: RQ's `BaseWorker.register_birth`. */
export interface WorkerRecord {
  name: string;
  queues: readonly string[];
  state: 'started' | 'idle' | 'busy' | 'suspended';
  /** The job it shows as its current one: RQ's field has room for one. */
  current?: { jobId: string; workingSeconds: number } | null;
  fields: Record<string, string | number>;
}

const setsOf = ({ queues }: Pick<WorkerRecord, 'queues'>): string[] => [
  keys.workers,
  ...queues.map(keys.workersOf),
];

const heartbeatKeys = (record: WorkerRecord): string[] => [
  keys.worker(record.name),
  keys.mailbox(record.name),
  ...setsOf(record),
];

const argumentsOf = (record: WorkerRecord, ttlSeconds: number, birth: boolean) => [
  ttlSeconds,
  birth ? 'birth' : '',
  record.state,
  record.current?.jobId ?? '',
  record.current?.workingSeconds ?? 0,
  'queues',
  record.queues.join(','),
  ...Object.entries(record.fields).flat(),
];

/** Registers a worker. False when a living one has this name. RQ: `register_birth`. */
export const registerBirth = async (
  redis: Redis,
  record: WorkerRecord,
  ttlSeconds: number,
): Promise<boolean> =>
  (await runScript(
    redis,
    heartbeat,
    heartbeatKeys(record),
    argumentsOf(record, ttlSeconds, true),
  )) === 1;

/** A sign of life: the whole record, its sets and its lifetime. RQ: `heartbeat`. */
export const beat = async (
  redis: Redis,
  record: WorkerRecord,
  ttlSeconds: number,
): Promise<void> => {
  await runScript(redis, heartbeat, heartbeatKeys(record), argumentsOf(record, ttlSeconds, false));
};

/**
 * A sign of life of somebody who hears commands and is no worker to be listed: a consumer. Without it whoever commands
 * takes it for dead.
 */
export const beatUnlisted = async (
  redis: Redis,
  name: string,
  ttlSeconds: number,
): Promise<void> => {
  const key = keys.worker(name);
  const replies = await redis.multi().hset(key, 'version', 'rxrq').expire(key, ttlSeconds).exec();
  const failed = replies?.find(([error]) => error);
  if (failed) throw failed[0];
};

/** It leaves, and what was meant for it goes too. */
export const buryUnlisted = async (redis: Redis, name: string): Promise<void> => {
  await redis.del(keys.worker(name), keys.mailbox(name));
};

/** RQ: `set_shutdown_requested_date`. */
export const registerShutdown = async (redis: Redis, worker: string): Promise<void> => {
  await runScript(redis, shutdown, [keys.worker(worker)], []);
};

/** RQ: `register_death`. */
export const registerDeath = async (
  redis: Redis,
  record: Pick<WorkerRecord, 'name' | 'queues'>,
): Promise<void> => {
  await runScript(redis, death, [keys.worker(record.name), ...setsOf(record)], []);
};
