import { deflateSync } from 'node:zlib';
import { UndecodablePayloadError } from './errors.js';
import { inflate, inflateIfZlib } from './inflate.js';
import { type PayloadLimits, payloadLimits } from './limits.js';
import { asBuffer } from './utf8.js';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Field `return_value` of the results stream: base64 of serializer bytes. RQ omits it for None. */
export function encodeResultReturnValue(serialized: Uint8Array): string {
  return asBuffer(serialized).toString('base64');
}

/**
 * The serializer bytes in `return_value`, for `decodeValue`.
 *
 * @throws UndecodablePayloadError layer `base64`
 */
export function decodeResultReturnValue(
  text: string | Uint8Array,
  limits?: Partial<PayloadLimits>,
): Buffer {
  return fromBase64(text, payloadLimits(limits).maxBytes);
}

/** Field `exc_string` of the results stream: base64 of deflated UTF-8, where compression is a must. */
export function encodeExcString(text: string): string {
  return deflateSync(Buffer.from(text, 'utf8')).toString('base64');
}

/** @throws UndecodablePayloadError layer `base64` or `zlib` */
export function decodeExcString(
  text: string | Uint8Array,
  limits?: Partial<PayloadLimits>,
): string {
  return inflate(fromBase64(text, payloadLimits(limits).maxBytes), limits).toString('utf8');
}

/**
 * Field `exc_info` of a job's hash (RQ up to 1.11, and abandoned jobs later): UTF-8, deflated or not.
 *
 * @throws UndecodablePayloadError layer `zlib`
 */
export function decodeExcInfo(bytes: Uint8Array, limits?: Partial<PayloadLimits>): string {
  return asBuffer(inflateIfZlib(bytes, limits)).toString('utf8');
}

// Node's decoder skips what is not base64, and so would turn damage into other bytes.
function fromBase64(input: string | Uint8Array, maxBytes: number): Buffer {
  const text = typeof input === 'string' ? input : asBuffer(input).toString('latin1');
  if (text.length > Math.ceil(maxBytes / 3) * 4) {
    throw new UndecodablePayloadError('base64', `more than ${maxBytes} bytes`);
  }
  if (text.length % 4 !== 0 || !BASE64.test(text)) {
    throw new UndecodablePayloadError('base64', 'not base64');
  }
  return Buffer.from(text, 'base64');
}
