import { UndecodablePayloadError } from './errors.js';
import { parseJson } from './json.js';
import type { PayloadLimits } from './limits.js';
import { readPickle } from './pickle-reader.js';

export type SerializerName = 'json' | 'pickle';

const PROTO = 0x80;
const STOP = 0x2e;
/** How a `Cipher` begins what it encrypts, and nothing else begins. */
const SEALED = 0x00;
const JSON_OPENINGS = '[{"-0123456789 \t\r\n';

/**
 * Which serializer wrote these bytes (after inflating); nothing in a job's hash says so. Pickle from
 * protocol 2 on opens with 0x80. Older ones are text like JSON, but end in `.`, which JSON never does.
 */
export function detectSerializer(bytes: Uint8Array): SerializerName {
  const first = bytes[0];
  if (first === PROTO) return 'pickle';
  if (first === undefined || bytes[bytes.length - 1] !== STOP) return 'json';
  return JSON_OPENINGS.includes(String.fromCharCode(first)) ? 'json' : 'pickle';
}

/**
 * Reads bytes of either serializer.
 *
 * @throws UndecodablePayloadError layer `json` or `pickle`
 */
export function deserialize(
  bytes: Uint8Array,
  limits?: Partial<PayloadLimits>,
): { value: unknown; serializer: SerializerName } {
  if (bytes[0] === SEALED) throw new UndecodablePayloadError('encryption', 'no keys are here');
  const serializer = detectSerializer(bytes);
  if (bytes.length === 0) throw new UndecodablePayloadError(serializer, 'no bytes');
  const read = serializer === 'pickle' ? readPickle : parseJson;
  return { value: read(bytes, limits), serializer };
}
