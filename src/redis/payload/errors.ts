/** Where decoding stopped: the layers a payload is peeled by, outermost first. */
export type PayloadLayer = 'encryption' | 'base64' | 'zlib' | 'pickle' | 'json' | 'call' | 'meta';

const REASON_CHARS = 200;
const PATH_CHARS = 120;

/**
 * A value that has no form on the wire. `path` leads to it (`args[0].user.callback`), `reason` says
 * what it is (`is a function`).
 */
export class UnserializableError extends Error {
  override readonly name = 'UnserializableError';
  readonly path: string;
  readonly reason: string;

  constructor(path: string, reason: string, options?: ErrorOptions) {
    const shortPath = shorten(path, PATH_CHARS);
    const shortReason = shorten(reason, REASON_CHARS);
    super(`${shortPath} ${shortReason}`, options);
    this.path = shortPath;
    this.reason = shortReason;
  }
}

/** Bytes from Redis that are no payload. The job behind them is quarantined with `reason`. */
export class UndecodablePayloadError extends Error {
  override readonly name = 'UndecodablePayloadError';
  readonly reason: string;

  constructor(
    readonly layer: PayloadLayer,
    reason: string,
    options?: ErrorOptions,
  ) {
    const shortReason = shorten(reason, REASON_CHARS);
    super(`undecodable ${layer}: ${shortReason}`, options);
    this.reason = shortReason;
  }
}

/** A pickle of more than data: what it asks for, a class or a function, only Python may have. */
export class PickledObjectError extends UndecodablePayloadError {
  constructor(reason: string) {
    super('pickle', reason);
  }
}

// Payloads hold secrets and can hold megabytes. What is cut here ends up in logs, events and the
// failed job's text, so no error carries more of a payload than this.
export function shorten(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars - 1)}…`;
}
