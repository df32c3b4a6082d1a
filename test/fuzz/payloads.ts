import { isDeepStrictEqual } from 'node:util';
import {
  decodeCall,
  decodeExcInfo,
  decodeExcString,
  decodeMeta,
  decodeResultReturnValue,
  decodeValue,
  encodeCall,
  encodeValue,
  UndecodablePayloadError,
  UnserializableError,
} from '../../src/redis/payload/index.js';

const decoders = [decodeMeta, decodeExcInfo, decodeExcString, decodeResultReturnValue];

/** What was read, or nothing where the bytes were refused. @throws whatever else a reader throws */
const read = <T>(decode: (bytes: Buffer) => T, bytes: Buffer): { value: T } | null => {
  try {
    return { value: decode(bytes) };
  } catch (error) {
    if (error instanceof UndecodablePayloadError) return null;
    throw error;
  }
};

/** What was read is written, and read again as the same; or there is a reason why it cannot be written. */
const holds = <T>(value: T, write: (value: T) => Buffer, again: (bytes: Buffer) => T): void => {
  let written: Buffer;
  try {
    written = write(value);
  } catch (error) {
    if (error instanceof UnserializableError) return;
    throw error;
  }
  if (!isDeepStrictEqual(again(written), value))
    throw new Error(`it is written as ${written.toString('latin1')}, which is something else`);
};

/** Every reader of payloads: it answers with what can be written again, or throws its own error. */
export const fuzz = (bytes: Buffer): void => {
  for (const decode of decoders) read<unknown>(decode, bytes);
  const call = read(decodeCall, bytes);
  if (call)
    holds(
      call.value,
      ({ call, serializer }) => encodeCall(call, serializer),
      (written) => decodeCall(written),
    );
  const value = read<unknown>(decodeValue, bytes);
  if (value) {
    holds(value.value, (it) => encodeValue(it, 'pickle'), decodeValue);
    holds(value.value, (it) => encodeValue(it, 'json'), decodeValue);
  }
  const polluted = Reflect.ownKeys(Object.prototype).length !== keysOfObjects;
  if (polluted) throw new Error('Object.prototype has changed');
};

const keysOfObjects = Reflect.ownKeys(Object.prototype).length;
