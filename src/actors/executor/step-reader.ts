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

  /**
   * New messages on the channel, put into `messages`; those before bytes that are none are in it, too.
   *
   * @throws ProtocolError
   */
  fromChannel(chunk: Buffer, nowMs: number, messages: ChildMessage[] = []): ChildMessage[] {
    const frames: Frame[] = [];
    try {
      this.#channel.push(chunk, frames);
    } finally {
      for (const frame of frames) this.#take(decodeChildMessage(frame), nowMs, messages);
    }
    return messages;
  }

  /** Steps that the child has taken and not sent. What is torn, older or no frame ends the list. */
  fromJournal(bytes: Buffer): Report[] {
    const reports: Report[] = [];
    const frames = new FrameReader(this.limitBytes, this.token);
    let rest = bytes;
    while (rest.length >= 4) {
      const length = 4 + rest.readUInt32LE(0);
      if (length > rest.length) break;
      const report = readStep(frames, rest.subarray(0, length));
      if (!report || report.seq > this.#seq + 1) break;
      if (report.seq === this.#seq + 1) reports.push(this.#next(report));
      rest = rest.subarray(length);
    }
    return reports;
  }

  /** A moment on the child's clock, on ours. Never in the future. */
  toOurClock(childMs: number, nowMs: number): number {
    return Math.min(nowMs, childMs + this.#clockOffsetMs);
  }

  #take(message: ChildMessage, nowMs: number, messages: ChildMessage[]): void {
    if (message.kind !== 'failedToLoad') this.#compareClocks(message.clockMs, nowMs);
    if (message.kind !== 'report') messages.push(message);
    else if (message.seq === this.#seq + 1) messages.push(this.#next(message));
    // A step that the journal told already comes again on the channel. A gap cannot happen.
    else if (message.seq > this.#seq) throw new ProtocolError('it left out a step');
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
