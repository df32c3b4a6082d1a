/** Bounds of one payload. Everything in Redis is hostile input, so every decoder takes them. */
export interface PayloadLimits {
  /** Size in bytes after inflating. */
  maxBytes: number;
  /** Containers inside containers; a flat list has depth 1. At most 1000. */
  maxDepth: number;
  /** Values in the whole tree, dict keys and containers included, shared ones counted each time. */
  maxElements: number;
}

export const DEFAULT_PAYLOAD_LIMITS: Readonly<PayloadLimits> = Object.freeze({
  maxBytes: 16 * 1024 * 1024,
  maxDepth: 200,
  maxElements: 1_000_000,
});

/** CPython 3.11 and later refuse longer integers as text, so no RQ could read them either. */
export const MAX_INTEGER_DIGITS = 4300;
/** Of an integer in binary form. Turning it into digits, which logs do, is slower than linear. */
export const MAX_INTEGER_BYTES = 8192;

// The codecs recurse once per level of depth; deeper than this could overflow the stack.
const DEEPEST = 1000;

export function payloadLimits(limits?: Partial<PayloadLimits>): Readonly<PayloadLimits> {
  if (limits === undefined || limits === DEFAULT_PAYLOAD_LIMITS) return DEFAULT_PAYLOAD_LIMITS;
  const merged = { ...DEFAULT_PAYLOAD_LIMITS, ...limits };
  return { ...merged, maxDepth: Math.min(merged.maxDepth, DEEPEST) };
}
