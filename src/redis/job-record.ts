import { afterwardsFields, readAfterwards } from './afterwards.js';
import type { Callbacks } from './callbacks.js';
import type { Cipher, SealedField } from './cipher.js';
import { isJobStatus, type JobStatus } from './job-status.js';
import { decodeCall, decodeMeta, type JobCall, type SerializerName } from './payload/index.js';
import { resultDecoderFor } from './results-stream.js';
import { fromTimestamp } from './timestamp.js';
import type { Webhook } from './webhooks.js';

/** A job's hash as it lies in Redis: bytes by field name. */
export type JobHash = ReadonlyMap<string, Buffer>;

/**
 * A job as it was at one moment. Reading never throws, whatever somebody wrote into the hash: what
 * cannot be read is `null`, and `problems` says why. Field by field: RQ's `Job.restore`.
 */
export interface JobRecord {
  readonly id: string;
  /** RQ's word; `null` when the field is missing or unknown, which `problems` tells apart. */
  readonly status: JobStatus | null;
  readonly origin: string;
  readonly description: string;
  readonly call: JobCall | null;
  /** In which `data` was written, and in which results and meta are answered. */
  readonly serializer: SerializerName;
  readonly createdAt: Date | null;
  readonly enqueuedAt: Date | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly lastHeartbeat: Date | null;
  readonly workerName: string;
  /** Seconds; -1 is none. */
  readonly timeoutSeconds: number;
  readonly ttlSeconds: number | null;
  readonly resultTtlSeconds: number | null;
  readonly failureTtlSeconds: number | null;
  readonly retriesLeft: number | null;
  /** Runs left after a success. */
  readonly repeatsLeft: number | null;
  /** What is to be called when it has ended; `isPython` names are Python's. */
  readonly callbacks: Callbacks;
  readonly webhooks: readonly Webhook[];
  /** The group that it belongs to; empty for none. */
  readonly groupId: string;
  /** Of which key so many jobs may run at a time; `null` when it has no rate limit. */
  readonly rateLimit: { readonly key: string; readonly concurrency: number } | null;
  readonly meta: Record<string, unknown>;
  /** Ids of the jobs that it waits for, or waited for. */
  readonly dependencyIds: readonly string[];
  /** Whether a parent that failed counts as one that finished. */
  readonly allowDependencyFailures: boolean;
  /** How often it was started by our workers. */
  readonly attempt: number;
  /** How often it was brought back after a worker's death. */
  readonly recoveries: number;
  /** The result in the hash; `undefined` when there is none there (RQ keeps results in a stream). */
  readonly result: unknown;
  /** The traceback in the hash; empty when there is none there. */
  readonly excInfo: string;
  /** Fields that could not be read, each with its reason. */
  readonly problems: readonly string[];
  /** The hash itself, fields of others included. */
  readonly hash: JobHash;
}

/** Reads a hash. `null` when it has no payload, which RQ takes for no job at all. */
export const readJobRecord = (id: string, hash: JobHash, cipher?: Cipher): JobRecord | null => {
  const data = hash.get('data');
  if (data === undefined) return null;
  const problems: string[] = [];
  const open = (bytes: Buffer, field: SealedField): Buffer =>
    cipher ? cipher.open(bytes, id, field) : bytes;
  const attempt = <T>(field: string, read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch (error) {
      problems.push(`${field}: ${error instanceof Error ? error.message : String(error)}`);
      return otherwise;
    }
  };
  const text = (field: string): string => {
    const bytes = hash.get(field);
    return bytes ? bytes.toString('utf8', 0, 4096) : '';
  };
  const integer = (field: string): number | null => {
    const value = text(field);
    if (value === '') return null;
    if (/^-?\d{1,15}$/.test(value)) return Number(value);
    problems.push(`${field}: not a whole number`);
    return null;
  };
  const date = (field: string): Date | null => {
    const value = text(field);
    const read = fromTimestamp(value);
    if (value !== '' && read === null) problems.push(`${field}: not a time as RQ writes it`);
    return read;
  };
  const word = text('status');
  if (word !== '' && !isJobStatus(word)) problems.push('status: not a word of RQ');
  const afterwards = readAfterwards(afterwardsFields.map((field) => hash.get(field) ?? null));
  if (afterwards) problems.push(...afterwards.problems);
  const decoded = attempt('data', () => decodeCall(open(data, 'data')), null);
  const meta = hash.get('meta');
  // An empty one is none.
  const metaBytes = meta && meta.length > 0 ? meta : null;
  const decode = resultDecoderFor(cipher, id);
  const result = hash.get('result');
  const excInfo = hash.get('exc_info');
  return {
    id,
    status: isJobStatus(word) ? word : null,
    origin: text('origin'),
    description: text('description'),
    call: decoded?.call ?? null,
    serializer: decoded?.serializer ?? 'json',
    createdAt: date('created_at'),
    enqueuedAt: date('enqueued_at'),
    startedAt: date('started_at'),
    endedAt: date('ended_at'),
    lastHeartbeat: date('last_heartbeat'),
    workerName: text('worker_name'),
    timeoutSeconds: integer('timeout') ?? 180,
    ttlSeconds: integer('ttl'),
    resultTtlSeconds: integer('result_ttl'),
    failureTtlSeconds: integer('failure_ttl'),
    retriesLeft: integer('retries_left'),
    repeatsLeft: integer('repeats_left'),
    callbacks: afterwards?.callbacks ?? {},
    webhooks: afterwards?.webhooks ?? [],
    groupId: text('group_id'),
    rateLimit:
      text('rate_limit_key') === ''
        ? null
        : { key: text('rate_limit_key'), concurrency: integer('rate_limit_concurrency') ?? 1 },
    meta: attempt('meta', () => decodeMeta(metaBytes && open(metaBytes, 'meta')), {}),
    dependencyIds: attempt('dependency_ids', () => dependencyIdsIn(hash), []),
    allowDependencyFailures: text('allow_dependency_failures') === '1',
    attempt: integer('x_attempt') ?? 0,
    recoveries: integer('x_recoveries') ?? 0,
    result:
      result === undefined ? undefined : attempt('result', () => decode.inHash(result), undefined),
    excInfo:
      excInfo === undefined ? '' : attempt('exc_info', () => decode.tracebackInHash(excInfo), ''),
    problems,
    hash,
  };
};

// RQ before 1.8 knew one only.
const dependencyIdsIn = (hash: JobHash): string[] => {
  const list = hash.get('dependency_ids')?.toString('utf8') ?? '';
  const one = hash.get('dependency_id')?.toString('utf8') ?? '';
  if (list === '') return one === '' ? [] : [one];
  const ids: unknown = JSON.parse(list);
  if (!Array.isArray(ids) || ids.some((id) => typeof id !== 'string'))
    throw new TypeError('not a list of ids');
  return ids;
};
