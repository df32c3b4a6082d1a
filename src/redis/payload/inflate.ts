import { deflateSync, inflateSync } from 'node:zlib';
import { UndecodablePayloadError } from './errors.js';
import { type PayloadLimits, payloadLimits } from './limits.js';

const MARK = 0x28;

/**
 * The bytes under a zlib stream, or the bytes themselves when they are none: RQ accepts both
 * (rq-protocol 2.3). Stops at `maxBytes` of output, so a bomb costs that much and no more.
 *
 * @throws UndecodablePayloadError layer `zlib`: truncated, damaged, too large, or bytes after its end.
 */
export function inflateIfZlib(bytes: Uint8Array, limits?: Partial<PayloadLimits>): Uint8Array {
  if (!opensZlib(bytes)) return bytes;
  try {
    return inflate(bytes, limits);
  } catch (error) {
    // `(S'…` is how a text pickle of Python 2 begins, and by accident a correct zlib header.
    const isZlib = bytes[0] !== MARK || (error as InflateError).isTooLarge;
    if (isZlib) throw error;
    return bytes;
  }
}

/** As `inflateIfZlib`, for places where RQ always compresses (`exc_string` of the results stream). */
export function inflate(bytes: Uint8Array, limits?: Partial<PayloadLimits>): Buffer {
  const { maxBytes } = payloadLimits(limits);
  const { buffer, engine } = inflateStart(bytes, maxBytes);
  // zlib stops reading at the end of the stream and says nothing about what follows.
  const rest = bytes.length - engine.bytesWritten;
  if (rest > 0) throw new InflateError(`${rest} bytes after the end of the stream`, false);
  return buffer;
}

/** Deflated when the bytes are many and it makes them fewer, else as they are; both are legal. */
export function deflateWhenItPays(bytes: Buffer, thresholdBytes = 1024): Buffer {
  if (bytes.length < thresholdBytes) return bytes;
  const deflated = deflateSync(bytes);
  return deflated.length < bytes.length ? deflated : bytes;
}

// RFC 1950: method 8, window at most 32 KiB, and the two bytes as a number divisible by 31.
// JSON (`[`) and pickle (0x80) never pass, so they never cost an inflate attempt.
function opensZlib(bytes: Uint8Array): boolean {
  const method = bytes[0];
  const flags = bytes[1];
  if (method === undefined || flags === undefined) return false;
  return (method & 0x0f) === 8 && method <= 0x78 && ((method << 8) | flags) % 31 === 0;
}

function inflateStart(bytes: Uint8Array, maxBytes: number): Inflated {
  try {
    return inflateSync(bytes, { maxOutputLength: maxBytes, info: true }) as unknown as Inflated;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw new InflateError(`inflates to more than ${maxBytes} bytes`, true);
    }
    throw new InflateError(code === 'Z_BUF_ERROR' ? 'truncated stream' : message, false);
  }
}

/** What `info: true` makes of the answer, which its types don't say. */
interface Inflated {
  buffer: Buffer;
  engine: { bytesWritten: number };
}

class InflateError extends UndecodablePayloadError {
  constructor(
    reason: string,
    readonly isTooLarge: boolean,
  ) {
    super('zlib', reason);
  }
}
