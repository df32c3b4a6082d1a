import { UnserializableError } from './errors.js';
import { stringifyJson } from './json.js';
import { type PayloadLimits, payloadLimits } from './limits.js';
import { writePickle } from './pickle-writer.js';
import { deserialize, type SerializerName } from './serializer.js';

export { decodeMeta } from './meta.js';
export {
  decodeExcInfo,
  decodeExcString,
  decodeResultReturnValue,
  encodeExcString,
  encodeResultReturnValue,
} from './results-fields.js';

export interface EncodeValueOptions {
  /** What the value is called in the path of an error: `result`, `meta`. */
  root?: string;
  limits?: Partial<PayloadLimits>;
}

/**
 * Serializer bytes of one value: a result or a meta. Never deflated, because RQ never inflates them.
 *
 * @throws UnserializableError with the path of the value: `result.user.callback is a function`
 */
export function encodeValue(
  value: unknown,
  serializer: SerializerName = 'json',
  options: EncodeValueOptions = {},
): Buffer {
  const { root = 'value', limits } = options;
  const parts = { root, ...(limits && { limits }) };
  const bytes =
    serializer === 'json'
      ? Buffer.from(stringifyJson(value, parts), 'utf8')
      : writePickle(value, parts);
  const { maxBytes } = payloadLimits(limits);
  if (bytes.length > maxBytes) {
    throw new UnserializableError(root, `has ${bytes.length} bytes, more than ${maxBytes}`);
  }
  return bytes;
}

/**
 * Reads what `encodeValue` or Python wrote, with either serializer.
 *
 * @throws UndecodablePayloadError layer `json` or `pickle`
 */
export function decodeValue(bytes: Uint8Array, limits?: Partial<PayloadLimits>): unknown {
  return deserialize(bytes, limits).value;
}
