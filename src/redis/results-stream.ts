import type { Redis } from 'ioredis';
import type { Cipher } from './cipher.js';
import { keys } from './keys.js';
import {
  decodeExcInfo,
  decodeExcString,
  decodeResultReturnValue,
  decodeValue,
} from './payload/index.js';

/** One entry of RQ's results stream: bytes by field name. */
export type ResultFields = ReadonlyMap<string, Buffer>;

/** The fields of an entry as Redis gives them: names and values in turn. */
export const resultFieldsOf = (flat: readonly Buffer[]): ResultFields => {
  const fields = new Map<string, Buffer>();
  for (let i = 0; i + 1 < flat.length; i += 2) fields.set(String(flat[i]), flat[i + 1] as Buffer);
  return fields;
};

/** The newest entries of a job's results stream, the newest first. @throws what Redis throws */
export const newestResults = async (
  redis: Redis,
  jobId: string,
  most: number,
): Promise<Array<{ id: string; fields: ResultFields }>> => {
  const key = keys.results(jobId);
  const reply = await redis.callBuffer('XREVRANGE', key, '+', '-', 'COUNT', most);
  return (reply as Array<[Buffer, Buffer[]]>).map(([id, flat]) => ({
    id: String(id),
    fields: resultFieldsOf(flat),
  }));
};

/** How what a job ended in is decoded; opened first, where there are keys. Each throws for what it cannot read. */
export const resultDecoderFor = (cipher: Cipher | undefined, jobId: string) => {
  const inHash = (bytes: Buffer): unknown =>
    decodeValue(cipher ? cipher.open(bytes, jobId, 'result') : bytes);
  const opened = (text: string): string => (cipher ? cipher.openText(text, jobId) : text);
  return {
    /** The hash's `result`. */
    inHash,
    /** An entry's `return_value`. */
    returned: (bytes: Buffer): unknown => inHash(decodeResultReturnValue(bytes)),
    /** An entry's `exc_string`. */
    traceback: (bytes: Buffer): string => opened(decodeExcString(bytes)),
    /** The hash's `exc_info`. */
    tracebackInHash: (bytes: Buffer): string => opened(decodeExcInfo(bytes)),
  };
};
