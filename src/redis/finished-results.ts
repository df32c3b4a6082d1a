import type { Redis } from 'ioredis';
import { cipherOf } from './cipher.js';
import { keys } from './keys.js';
import { resultDecoderFor, resultFieldsOf } from './results-stream.js';
import { isWrongType } from './wrong-type.js';

/** What is left of a finished job's result. */
export type FinishedResult =
  | { kind: 'value'; value: unknown }
  | { kind: 'missing'; why: 'expired' | 'undecodable' | 'runs again'; cause?: unknown };

/**
 * The results of many finished jobs in one round trip: from RQ's results stream where there is one, else from
 * the hash. Never throws for what lies there.
 */
export const fetchResults = async (
  redis: Redis,
  ids: readonly string[],
): Promise<FinishedResult[]> => {
  if (ids.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const id of ids) {
    pipeline.hmgetBuffer(keys.job(id), 'status', 'result');
    pipeline.xrevrangeBuffer(keys.results(id), '+', '-', 'COUNT', 1);
  }
  const replies = (await pipeline.exec()) ?? [];
  const answer = (index: number): unknown => {
    const [error, reply] = replies[index] ?? [null, null];
    if (!error) return reply;
    // A key of another type is no result; everything else is a failure of the call.
    if (isWrongType(error)) return null;
    throw error;
  };
  return ids.map((id, index) => {
    const hash = answer(2 * index) as [Buffer | null, Buffer | null] | null;
    const entries = answer(2 * index + 1) as Array<[Buffer, Buffer[]]> | null;
    return readFinished(hash, entries?.[0]?.[1] ?? [], resultDecoderFor(cipherOf(redis), id));
  });
};

const readFinished = (
  hash: [Buffer | null, Buffer | null] | null,
  streamed: readonly Buffer[],
  decode: ReturnType<typeof resultDecoderFor>,
): FinishedResult => {
  const [status, result] = hash ?? [null, null];
  if (!status) return { kind: 'missing', why: 'expired' };
  if (String(status) !== 'finished') return { kind: 'missing', why: 'runs again' };
  try {
    const returned = resultFieldsOf(streamed).get('return_value');
    if (returned) return { kind: 'value', value: decode.returned(returned) };
    return { kind: 'value', value: result ? decode.inHash(result) : null };
  } catch (cause) {
    return { kind: 'missing', why: 'undecodable', cause };
  }
};
