import type { Redis } from 'ioredis';
import { keys } from './keys.js';
import { passingOver, replyOr, type TellWrongType } from './wrong-type.js';

/** One running attempt of a job, as its worker's heartbeats tell of it. RQ: `Execution`. */
export interface Execution {
  readonly id: string;
  readonly jobId: string;
  /** Empty where an older Python wrote it. */
  readonly workerName: string;
  readonly createdAt: Date | null;
  readonly lastHeartbeat: Date | null;
}

/**
 * A job's executions that are alive, the oldest first. RQ keeps their ids a minute longer than what they stand for,
 * and raises when it reads one of those; here they are passed over. A Node worker writes an execution with its first
 * heartbeat, so that very short jobs never have one. RQ: `Job.get_executions`.
 */
export const readExecutions = async (redis: Redis, jobId: string): Promise<Execution[]> => {
  const ids = await redis.zrange(keys.executions(jobId), '0', '99');
  const found = await Promise.all(
    ids.map(async (id): Promise<Execution | null> => {
      const hash = await redis.hgetall(keys.execution(jobId, id));
      // A heartbeat after the end brings back a part of it, without its beginning.
      if (!hash.created_at && !hash.worker_name) return null;
      return {
        id,
        jobId,
        workerName: hash.worker_name ?? '',
        createdAt: dateOfSeconds(hash.created_at),
        lastHeartbeat: dateOfSeconds(hash.last_heartbeat),
      };
    }),
  );
  return found.filter((execution) => execution !== null);
};

/**
 * What a worker runs now, by the leases in the started registries of its queues and the jobs' own word for who runs
 * them. Python's of before 2.0 have no execution id: it is empty. Keys of a wrong type are passed over, and told.
 */
export const executionsOfWorker = async (
  redis: Redis,
  worker: string,
  queues: readonly string[],
  tell: TellWrongType,
): Promise<Array<{ jobId: string; execution: string; queue: string }>> => {
  const lists = await Promise.all(
    queues.map((queue) => passingOver(redis.zrange(keys.wip(queue), '0', '-1'), [], tell)),
  );
  const members = lists.flatMap((list, index) =>
    list.map((member) => {
      const [jobId = '', execution = ''] = member.split(':', 2);
      return { jobId, execution, queue: queues[index] as string };
    }),
  );
  const pipeline = redis.pipeline();
  for (const { jobId } of members) pipeline.hmget(keys.job(jobId), 'worker_name', 'status');
  const replies = (await pipeline.exec()) ?? [];
  return members.filter((_, index) => {
    const reply = replyOr(replies[index] ?? [null, []], [], tell);
    const [name, status] = reply as Array<string | null>;
    return name === worker && status === 'started';
  });
};

const dateOfSeconds = (text: string | undefined): Date | null =>
  text && /^\d{1,12}(\.\d{1,9})?$/.test(text) ? new Date(Math.round(Number(text) * 1000)) : null;
