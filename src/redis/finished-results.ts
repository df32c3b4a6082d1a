import type { Redis } from 'ioredis';
import { cipherOf } from './cipher.js';
import { keys } from './keys.js';
import { decodeResultReturnValue, decodeValue } from './payload/index.js';

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
    if (error.message.startsWith('WRONGTYPE')) return null;
    throw error;
  };
  const cipher = cipherOf(redis);
  return ids.map((id, index) => {
    const hash = answer(2 * index) as [Buffer | null, Buffer | null] | null;
    const entries = answer(2 * index + 1) as Array<[Buffer, Buffer[]]> | null;
    const open = (bytes: Buffer): Buffer => (cipher ? cipher.open(bytes, id, 'result') : bytes);
    return readFinished(hash, entries?.[0]?.[1] ?? [], open);
  });
};

const readFinished = (
  hash: [Buffer | null, Buffer | null] | null,
  streamed: readonly Buffer[],
  open: (bytes: Buffer) => Buffer,
): FinishedResult => {
  const [status, result] = hash ?? [null, null];
  if (!status) return { kind: 'missing', why: 'expired' };
  if (String(status) !== 'finished') return { kind: 'missing', why: 'runs again' };
  const fields = new Map<string, Buffer>();
  for (let i = 0; i + 1 < streamed.length; i += 2) {
    fields.set(String(streamed[i]), streamed[i + 1] as Buffer);
  }
  try {
    const returned = fields.get('return_value');
    if (returned)
      return { kind: 'value', value: decodeValue(open(decodeResultReturnValue(returned))) };
    return { kind: 'value', value: result ? decodeValue(open(result)) : null };
  } catch (cause) {
    return { kind: 'missing', why: 'undecodable', cause };
  }
};
