import { decodeChildMessage } from './child-message.js';
import { type Frame, FrameReader, ProtocolError } from './frames.js';
import type { ChildMessage, Report } from './protocol.js';

/**
 * Turns the two ways in which a child's steps arrive, the channel and the journal, into one
 * sequence: each step once, in order. It also learns how the child's clock differs from ours: the
 * smallest delay ever seen is the best estimate.
 */
export class StepReader {
  readonly #channel: FrameReader;
  #seq = 0;
  #clockOffsetMs = Number.POSITIVE_INFINITY;

  constructor(
    private readonly limitBytes: number,
    private readonly token: Buffer,
  ) {
    this.#channel = new FrameReader(limitBytes, token);
  }

  /** New messages on the channel. @throws ProtocolError */
  *fromChannel(chunk: Buffer, nowMs: number): Generator<ChildMessage> {
    for (const frame of this.#channel.push(chunk)) {
      const message = decodeChildMessage(frame);
      if (message.kind !== 'failedToLoad') this.#compareClocks(message.clockMs, nowMs);
      if (message.kind !== 'report') yield message;
      else if (message.seq === this.#seq + 1) yield this.#next(message);
      // A step that the journal told already comes again on the channel. A gap cannot happen.
      else if (message.seq > this.#seq) throw new ProtocolError('it left out a step');
    }
  }

  /** Steps that the child has taken and not sent. What is torn, older or no frame ends the list. */
  *fromJournal(bytes: Buffer): Generator<Report> {
    const frames = new FrameReader(this.limitBytes, this.token);
    let rest = bytes;
    while (rest.length >= 4) {
      const length = 4 + rest.readUInt32LE(0);
      if (length > rest.length) return;
      const report = readStep(frames, rest.subarray(0, length));
      if (!report || report.seq > this.#seq + 1) return;
      if (report.seq === this.#seq + 1) yield this.#next(report);
      rest = rest.subarray(length);
    }
  }

  /** A moment on the child's clock, on ours. Never in the future. */
  toOurClock(childMs: number, nowMs: number): number {
    return Math.min(nowMs, childMs + this.#clockOffsetMs);
  }

  #next(report: Report): Report {
    this.#seq = report.seq;
    return report;
  }

  #compareClocks(childMs: number, nowMs: number): void {
    this.#clockOffsetMs = Math.min(this.#clockOffsetMs, nowMs - childMs);
  }
}

const readStep = (frames: FrameReader, bytes: Buffer): Report | null => {
  try {
    const [frame] = frames.push(bytes) as [Frame?];
    const message = frame && decodeChildMessage(frame);
    return message?.kind === 'report' ? message : null;
  } catch (error) {
    // The rest of an older, longer step, or one that is being written now. Both end the list; what
    // is missing comes on the channel.
    if (error instanceof ProtocolError) return null;
    throw error;
  }
};
