import type { JobRecord } from '../redis/job-record.js';
import { fetchJobs, readResult } from '../redis/job-store.js';
import { keys } from '../redis/keys.js';
import { isWrongType, passingOver, type TellWrongType } from '../redis/wrong-type.js';
import type { Rq } from '../streams/rq.js';

const chunk = 200;

export interface FailedSelection {
  /** Only these; unknown ones and those that have not failed are left out. */
  ids?: readonly string[];
  queue?: string;
  /** Text that the id, the call, or the error must hold; upper and lower case are the same. */
  grep?: string;
  limit?: number;
}

export interface FailedJob {
  record: JobRecord;
  traceback: string;
}

/**
 * Failed jobs that match: in the order of their quarantine, or of one queue in the order of its registry. One key of a
 * wrong type keeps no other job here: it is told.
 */
export async function* selectFailed(
  rq: Rq,
  selection: FailedSelection,
  tell: TellWrongType,
): AsyncGenerator<FailedJob> {
  const { queue, grep, limit = Number.POSITIVE_INFINITY } = selection;
  const ids =
    selection.ids ??
    (queue === undefined
      ? await rq.failedQueue.ids(0, Number.MAX_SAFE_INTEGER)
      : await passingOver(rq.redis.zrange(keys.failed(queue), '0', '-1'), [], tell));
  const needle = grep?.toLowerCase();
  let found = 0;
  for (let from = 0; from < ids.length && found < limit; from += chunk) {
    const records = (await fetchJobs(rq.redis, ids.slice(from, from + chunk), tell)).filter(
      (record) => record !== null,
    );
    const failed = records.filter(
      ({ status, origin }) =>
        (status === 'failed' || status === 'stopped') && (queue === undefined || origin === queue),
    );
    const tracebacks = await Promise.all(failed.map((record) => tracebackOf(rq, record)));
    for (const [index, record] of failed.entries()) {
      const traceback = tracebacks[index] as string;
      if (needle !== undefined && !textOf(record, traceback).includes(needle)) continue;
      yield { record, traceback };
      found += 1;
      if (found >= limit) return;
    }
  }
}

/** The traceback of a failed job: where its worker keeps it, in the hash or in RQ's results stream. */
export const tracebackOf = async (rq: Rq, record: JobRecord): Promise<string> => {
  try {
    const result = await readResult(rq.redis, record);
    return result?.kind === 'failed' ? result.traceback : '';
  } catch (error) {
    if (isWrongType(error)) return error.message;
    if (error instanceof Error && error.name === 'UndecodablePayloadError') return error.message;
    throw error;
  }
};

const textOf = ({ id, description, call }: JobRecord, traceback: string): string =>
  `${id}\n${description}\n${call?.functionName ?? ''}\n${traceback}`.toLowerCase();
