import type { ChainableCommander, Redis } from 'ioredis';
import { AskedTogether } from './asked-together.js';
import { cipherOf } from './cipher.js';
import type { JobStatus } from './job-status.js';
import { keys } from './keys.js';
import { type ResultFields, resultDecoderFor, resultFieldsOf } from './results-stream.js';
import { type Reply, refuse, replyOr } from './wrong-type.js';

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
  const decode = resultDecoderFor(cipherOf(redis), jobId);
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
  if (!hasFailed) return null;
  try {
    return { kind: 'failed', traceback: excInfo ? decode.tracebackInHash(excInfo) : '' };
  } catch {
    // That the job failed must be told all the same.
    return { kind: 'failed', traceback: '' };
  }
};

/**
 * Reads whether jobs have ended, and how. An event tells of many jobs at once, and then all who wait for their results ask: what is
 * asked for in one turn is read in one round trip.
 */
export class JobEnds {
  private readonly statuses: AskedTogether<string>;
  private readonly ends: AskedTogether<JobEnd>;

  constructor(redis: Redis) {
    this.statuses = new AskedTogether(
      redis,
      1,
      askStatus,
      ([status]) => said<string | null>(status) ?? '',
    );
    this.ends = new AskedTogether(redis, 3, askEnd, endOf);
  }

  /**
   * The status alone: empty where there is no such job, or it says none. Most looks come too early, a result may be large, and what a
   * slow network has not brought yet must not be asked for again.
   *
   * @throws WrongKeyTypeError; what else Redis throws
   */
  status(jobId: string): Promise<string> {
    return this.statuses.ask(jobId);
  }

  /** How it ended, if it has. @throws as `status` */
  end(jobId: string): Promise<JobEnd> {
    return this.ends.ask(jobId);
  }
}

const askStatus = (pipeline: ChainableCommander, jobId: string): void => {
  pipeline.hget(keys.job(jobId), 'status');
};

const askEnd = (pipeline: ChainableCommander, jobId: string): void => {
  pipeline.hmgetBuffer(keys.job(jobId), 'status', 'result', 'exc_info');
  pipeline.hexists(keys.job(jobId), 'data');
  pipeline.xrevrangeBuffer(keys.results(jobId), '+', '-', 'COUNT', 1);
};

/** @throws the error of a reply that is needed */
const endOf = ([ofHash, ofData, ofStream]: readonly Reply[]): JobEnd => {
  const [status = null, result = null, excInfo = null] = said<Array<Buffer | null>>(ofHash);
  // Without payload it is no job, for RQ as for us.
  const word = said(ofData) === 1 ? String(status ?? '') : '';
  // Of others the stream says nothing, and what somebody left under its name is replaced by the end.
  const entries = hasResult.has(word) ? said<Entry[]>(ofStream) : [];
  return { status: word, result, excInfo, streamed: resultFieldsOf(entries[0]?.[1] ?? []) };
};

/** @throws its error */
const said = <T>(reply: Reply | undefined): T => replyOr(reply as Reply, null, refuse) as T;

type Entry = [id: Buffer, fields: Buffer[]];
const hasResult = new Set<string>(['finished', 'failed', 'stopped'] satisfies JobStatus[]);
