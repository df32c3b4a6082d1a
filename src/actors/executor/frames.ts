// One frame: u32 length of what follows | token (child to parent only) | u32 length of the JSON |
// JSON, UTF-8 | attachments, whose lengths the JSON knows. Lengths are little-endian. What is said for
// each job needs no JSON: where the top bit of its length is set, the message is the number in the other
// bits, and the attachments are all that it has to say.
const headLength = 4;
const plainBit = 0x8000_0000;

/** A message and the bytes that came behind it. */
export interface Frame {
  readonly message: unknown;
  /** With a number as the message they are only lent: the next read may overwrite them. */
  readonly attachments: Buffer;
}

/** The other side broke the agreement. Whoever sees it ends that side; nothing it said counts. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

export const encodeFrame = (
  message: object,
  attachments: readonly Buffer[] = [],
  token?: Buffer,
): Buffer => {
  const json = JSON.stringify(message);
  const jsonLength = Buffer.byteLength(json);
  const tokenLength = token?.length ?? 0;
  let length = tokenLength + headLength + jsonLength;
  for (const attachment of attachments) length += attachment.length;
  const frame = Buffer.allocUnsafe(headLength + length);
  let at = frame.writeUInt32LE(length, 0);
  if (token) at += token.copy(frame, at);
  at = frame.writeUInt32LE(jsonLength, at);
  at += frame.write(json, at, 'utf8');
  for (const attachment of attachments) at += attachment.copy(frame, at);
  return frame;
};

/** How long a frame is whose message is a number. */
export const plainFrameLength = (attachmentsLength: number, token?: Buffer): number =>
  2 * headLength + (token?.length ?? 0) + attachmentsLength;

/** Writes such a frame up to its attachments, which the caller writes, and says where they begin. */
export const writePlainHead = (
  out: Buffer,
  at: number,
  message: number,
  attachmentsLength: number,
  token?: Buffer,
): number => {
  const tokenLength = token?.length ?? 0;
  let next = out.writeUInt32LE(headLength + tokenLength + attachmentsLength, at);
  if (token) out.set(token, next);
  next += tokenLength;
  return out.writeUInt32LE((plainBit | message) >>> 0, next);
};

/**
 * Puts frames together from pieces of any size. Holds at most one frame, hence never much more than
 * `limitBytes`: a length above the limit, or a wrong token, is refused as soon as it can be read.
 */
export class FrameReader {
  /** What came of a frame that is not whole yet; only the first `#filled` bytes are meant. */
  #partial: Buffer = Buffer.alloc(0);
  #filled = 0;

  constructor(
    private readonly limitBytes: number,
    private readonly token?: Buffer,
  ) {}

  /**
   * The frames that are whole now, put into `frames`; those before bytes that are none are in it, too.
   *
   * @throws ProtocolError, after which the reader is of no use
   */
  push(chunk: Buffer, frames: Frame[] = []): Frame[] {
    let rest = chunk;
    while (rest.length > 0) {
      const length = this.#filled === 0 ? this.#lengthOf(rest) : null;
      if (length === rest.length) {
        frames.push(this.#decode(rest));
        break;
      }
      if (length !== null && length < rest.length) {
        frames.push(this.#decode(rest.subarray(0, length)));
        rest = rest.subarray(length);
      } else {
        rest = this.#fill(rest);
        if (this.#lengthOf(this.#partial.subarray(0, this.#filled)) !== this.#filled) continue;
        frames.push(this.#decode(this.#partial));
        this.#partial = Buffer.alloc(0);
        this.#filled = 0;
      }
    }
    return frames;
  }

  /** Whether the bytes so far end within a frame. */
  get isWithinFrame(): boolean {
    return this.#filled > 0;
  }

  /** The length of the frame that starts here, its head included, or `null` when too little is here. */
  #lengthOf(bytes: Buffer): number | null {
    if (bytes.length < headLength) return null;
    const length = bytes.readUInt32LE(0);
    if (length > this.limitBytes) {
      throw new ProtocolError(`a frame of ${length} bytes, more than ${this.limitBytes}`);
    }
    const { token } = this;
    const tokenEnd = headLength + (token?.length ?? 0);
    if (length < tokenEnd) throw new ProtocolError(`a frame of ${length} bytes is too short`);
    if (token && bytes.length >= tokenEnd && token.compare(bytes, headLength, tokenEnd) !== 0) {
      throw new ProtocolError('bytes that are no frame of ours');
    }
    return headLength + length;
  }

  // Copies into one block that grows to the frame's length and no further. A list of pieces would
  // cost a hundred bytes for each single byte that a slow or hostile child sends.
  #fill(bytes: Buffer): Buffer {
    const isHeadHere = this.#filled >= headLength;
    const end = isHeadHere ? headLength + this.#partial.readUInt32LE(0) : headLength;
    const taken = Math.min(bytes.length, end - this.#filled);
    const needed = this.#filled + taken;
    if (this.#partial.length < needed) {
      const grown = Buffer.allocUnsafe(Math.min(end, Math.max(needed, 2 * this.#filled)));
      this.#partial.copy(grown, 0, 0, this.#filled);
      this.#partial = grown;
    }
    bytes.copy(this.#partial, this.#filled, 0, taken);
    this.#filled = needed;
    return bytes.subarray(taken);
  }

  #decode(frame: Buffer): Frame {
    const jsonStart = headLength + (this.token?.length ?? 0) + headLength;
    const jsonLength = frame.readUInt32LE(jsonStart - headLength);
    if (jsonLength >= plainBit)
      return { message: jsonLength - plainBit, attachments: frame.subarray(jsonStart) };
    const jsonEnd = jsonStart + jsonLength;
    if (jsonEnd > frame.length) throw new ProtocolError('a frame whose JSON is longer than itself');
    try {
      const message: unknown = JSON.parse(frame.toString('utf8', jsonStart, jsonEnd));
      // A copy: a small result must not keep a whole block of the socket in memory.
      return { message, attachments: Buffer.from(frame.subarray(jsonEnd)) };
    } catch (cause) {
      throw new ProtocolError('a frame that is no JSON', { cause });
    }
  }
}
