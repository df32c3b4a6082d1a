import type { Redis } from 'ioredis';
import type { JobStatus } from './job-status.js';
import { keys } from './keys.js';
import { type ResultFields, resultDecoderFor, resultFieldsOf } from './results-stream.js';
import { isWrongType } from './wrong-type.js';

/** What tells how the last run of a job ended, as it lies in Redis. */
export interface JobEnd {
  /** RQ's word; empty where there is no such job, or it says none. */
  status: string;
  /** Of the hash; as is `excInfo`. */
  result: Buffer | null;
  excInfo: Buffer | null;
  /** The newest entry of RQ's results stream; empty where there is none. */
  streamed: ResultFields;
}

/** What a job ended in: a value, or a traceback. `null` when neither is there (yet, or any more). */
export type StoredResult =
  | { kind: 'returned'; value: unknown }
  | { kind: 'failed'; traceback: string }
  | null;

/**
 * What that says: by the results stream where it has an entry (Python's jobs, and those whose producer is Python), else by
 * the hash.
 *
 * @throws UndecodablePayloadError for a result that no serializer of ours reads
 */
export const resultOf = (
  redis: Redis,
  jobId: string,
  { status, result, excInfo, streamed }: JobEnd,
): StoredResult => {
  const decode = resultDecoderFor(redis, jobId);
  const hasFailed = status === 'failed' || status === 'stopped';
  const type = String(streamed.get('type') ?? '');
  if (type === '1' && status !== 'failed') {
    const value = streamed.get('return_value');
    return { kind: 'returned', value: value ? decode.returned(value) : null };
  }
  // Type 4 is an attempt that was retried: how the job ended is elsewhere.
  if (type !== '' && type !== '1' && type !== '4' && hasFailed) {
    const text = streamed.get('exc_string');
    return { kind: 'failed', traceback: text ? decode.traceback(text) : '' };
  }
  if (status === 'finished')
    return { kind: 'returned', value: result ? decode.inHash(result) : null };
  return hasFailed
    ? { kind: 'failed', traceback: excInfo ? decode.tracebackInHash(excInfo) : '' }
    : null;
};

interface Asked {
  jobId: string;
  resolve(end: JobEnd): void;
  reject(error: unknown): void;
}

/**
 * Reads how jobs ended, if they have, and nothing else of them: a payload may hold a megabyte. An event tells of many jobs at
 * once, and then all who wait for their results ask: what is asked for in one turn is read in one round trip.
 */
export class JobEnds {
  private asked: Asked[] = [];

  constructor(private readonly redis: Redis) {}

  /** @throws WrongKeyTypeError; what else Redis throws */
  read(jobId: string): Promise<JobEnd> {
    return new Promise((resolve, reject) => {
      this.asked.push({ jobId, resolve, reject });
      // After all promise callbacks of this turn.
      if (this.asked.length === 1) process.nextTick(() => this.readAll(this.asked.splice(0)));
    });
  }

  private async readAll(asked: readonly Asked[]): Promise<void> {
    const pipeline = this.redis.pipeline();
    for (const { jobId } of asked) {
      pipeline.hmgetBuffer(keys.job(jobId), 'status', 'result', 'exc_info');
      pipeline.xrevrangeBuffer(keys.results(jobId), '+', '-', 'COUNT', 1);
    }
    try {
      const replies = (await pipeline.exec()) ?? [];
      asked.forEach(({ resolve, reject }, at) => {
        try {
          resolve(endOf(replies[2 * at] as Reply, replies[2 * at + 1] as Reply));
        } catch (error) {
          reject(error);
        }
      });
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}

type Reply = readonly [error: Error | null, value: unknown];

/** @throws the error of a reply that is needed */
const endOf = ([hashError, fields]: Reply, [streamError, entries]: Reply): JobEnd => {
  if (hashError) throw hashError;
  const [status, result, excInfo] = fields as [Buffer | null, Buffer | null, Buffer | null];
  const word = String(status ?? '');
  // Of a job that has not ended it says nothing, and what somebody left under its name is replaced by the end.
  if (streamError && (hasResult.has(word) || !isWrongType(streamError))) throw streamError;
  const [newest] = streamError ? [] : (entries as Array<[id: Buffer, fields: Buffer[]]>);
  return { status: word, result, excInfo, streamed: resultFieldsOf(newest?.[1] ?? []) };
};

const hasResult = new Set<string>(['finished', 'failed', 'stopped'] satisfies JobStatus[]);
