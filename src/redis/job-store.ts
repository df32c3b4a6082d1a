import type { Redis } from 'ioredis';
import { cipherOf } from './cipher.js';
import { NoSuchJobError } from './errors.js';
import { resultOf, type StoredResult } from './job-ends.js';
import { type JobRecord, readJobRecord } from './job-record.js';
import { keys } from './keys.js';
import { encodeValue } from './payload/index.js';
import { newestResults } from './results-stream.js';
import { replyOr, type TellWrongType } from './wrong-type.js';

/** Fetches one job. RQ: `Job.fetch`. @throws NoSuchJobError, WrongKeyTypeError */
export const fetchJob = async (redis: Redis, id: string): Promise<JobRecord> => {
  const record = toRecord(redis, id, (await redis.callBuffer('HGETALL', keys.job(id))) as Buffer[]);
  if (!record) throw new NoSuchJobError(id);
  return record;
};

/**
 * Fetches many jobs in one round trip; `null` where there is none. A key of a wrong type is no job, and told. RQ:
 * `Job.fetch_many`.
 */
export const fetchJobs = async (
  redis: Redis,
  ids: readonly string[],
  tell: TellWrongType,
): Promise<Array<JobRecord | null>> => {
  if (ids.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.callBuffer('HGETALL', keys.job(id));
  const replies = (await pipeline.exec()) ?? [];
  return ids.map((id, index) =>
    toRecord(redis, id, replyOr(replies[index] ?? [null, []], [], tell) as Buffer[]),
  );
};

const toRecord = (redis: Redis, id: string, flat: readonly Buffer[]): JobRecord | null => {
  const hash = new Map<string, Buffer>();
  for (let i = 0; i + 1 < flat.length; i += 2) hash.set(String(flat[i]), flat[i + 1] as Buffer);
  return readJobRecord(id, hash, cipherOf(redis));
};

/** What the job's last run ended in. @throws UndecodablePayloadError for a result that no serializer of ours reads */
export const readResult = async (redis: Redis, record: JobRecord): Promise<StoredResult> => {
  const { id, status, hash } = record;
  const [newest] = await newestResults(redis, id, 1);
  return resultOf(redis, id, {
    status: status ?? '',
    result: hash.get('result') ?? null,
    excInfo: hash.get('exc_info') ?? null,
    streamed: newest?.fields ?? new Map(),
  });
};

/**
 * Saves a job's meta, with the serializer that its payload has. Only while the hash exists: a write to a
 * deleted job would bring back a hash without payload. RQ: `Job.save_meta`.
 *
 * @throws NoSuchJobError, UnserializableError with the path of the value
 */
export const saveMeta = async (
  redis: Redis,
  record: JobRecord,
  meta: Record<string, unknown>,
): Promise<void> => {
  const bytes = encodeValue(meta, record.serializer, { root: 'meta' });
  const sealed = cipherOf(redis)?.seal(bytes, record.id, 'meta');
  await saveMetaBytes(redis, record.id, sealed ?? bytes);
};

/** Saves serialized meta under the same condition. */
export const saveMetaBytes = async (redis: Redis, id: string, meta: Buffer): Promise<void> => {
  const saved = await redis.eval(
    "if redis.call('HEXISTS', KEYS[1], 'data') == 0 then return 0 end redis.call('HSET', KEYS[1], 'meta', ARGV[1]) return 1",
    1,
    keys.job(id),
    meta,
  );
  if (saved !== 1) throw new NoSuchJobError(id);
};
