import type { Redis } from 'ioredis';
import { cipherOf } from './cipher.js';
import type { JobRecord } from './job-record.js';
import { newestResults, type ResultFields, resultDecoderFor } from './results-stream.js';

/** RQ's types of a result, by their number on the wire. RQ: `Result.Type`. */
const kinds = ['', 'successful', 'failed', 'stopped', 'retried', 'maxRetriesExceeded'] as const;

/** How one run of a job ended, as its worker wrote it down. */
export interface JobResult {
  /** The entry's id in RQ's stream; empty when it is told from the job's hash. */
  readonly id: string;
  /** RQ's type; `unknown` for a number that no release we know writes. Stopped jobs of RQ's say `failed`. */
  readonly kind: Exclude<(typeof kinds)[number], ''> | 'unknown';
  /** When it was written, by the clock of Redis; from the hash: when the job ended. */
  readonly createdAt: Date | null;
  readonly workerName: string;
  /** Empty before RQ 2.8. */
  readonly execution: string;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  /** What was returned; `undefined` where nothing was, or where it cannot be read. */
  readonly value: unknown;
  /** Empty where there is none. */
  readonly traceback: string;
  /** Why something of it cannot be read; empty when all can. */
  readonly problem: string;
}

/**
 * What is kept of a job's runs, the newest first: RQ's stream, of which some ten to a hundred entries stay. Where it
 * has none, what the hash says of the last run. Never throws for what somebody wrote. RQ: `Job.results`.
 */
export const readResults = async (
  redis: Redis,
  record: JobRecord,
  most: number,
): Promise<JobResult[]> => {
  const entries = await newestResults(redis, record.id, most);
  if (entries.length > 0) {
    const decode = resultDecoderFor(cipherOf(redis), record.id);
    return entries.map(({ id, fields }) => readEntry(id, fields, decode));
  }
  const fromHash = resultInHash(record);
  return fromHash ? [fromHash] : [];
};

const readEntry = (
  id: string,
  fields: ResultFields,
  decode: ReturnType<typeof resultDecoderFor>,
): JobResult => {
  const problems: string[] = [];
  const read = <T>(field: string, reading: (bytes: Buffer) => T, otherwise: T): T => {
    const bytes = fields.get(field);
    if (!bytes || bytes.length === 0) return otherwise;
    try {
      return reading(bytes);
    } catch (error) {
      problems.push(`${field}: ${error instanceof Error ? error.message : String(error)}`);
      return otherwise;
    }
  };
  const text = (bytes: Buffer): string => bytes.toString('utf8', 0, 4096);
  const type = read('type', text, '');
  return {
    id,
    kind: (/^[1-5]$/.test(type) && kinds[Number(type)]) || 'unknown',
    createdAt: new Date(Number(id.split('-')[0])),
    workerName: read('worker_name', text, ''),
    execution: read('execution_id', text, ''),
    startedAt: read('execution_started_at', dateOfSeconds, null),
    endedAt: read('execution_ended_at', dateOfSeconds, null),
    value: read<unknown>('return_value', decode.returned, undefined),
    traceback: read('exc_string', decode.traceback, ''),
    problem: problems.join('; '),
  };
};

/** @throws RangeError for what is no time */
const dateOfSeconds = (bytes: Buffer): Date => {
  const seconds = /^\d{1,12}(\.\d{1,9})?$/.test(bytes.toString('latin1', 0, 32))
    ? Number(bytes)
    : Number.NaN;
  if (Number.isNaN(seconds)) throw new RangeError('not a time in seconds');
  return new Date(Math.round(seconds * 1000));
};

const resultInHash = (record: JobRecord): JobResult | null => {
  const { status, endedAt, startedAt, workerName } = record;
  const kind =
    status === 'finished'
      ? 'successful'
      : status === 'failed' || status === 'stopped'
        ? status
        : null;
  if (kind === null) return null;
  const isGood = kind === 'successful';
  return {
    id: '',
    kind,
    createdAt: endedAt,
    workerName,
    execution: '',
    startedAt,
    endedAt,
    value: isGood ? record.result : undefined,
    traceback: isGood ? '' : record.excInfo,
    problem: record.problems.find((problem) => /^(result|exc_info):/.test(problem)) ?? '',
  };
};
