import { UndecodablePayloadError } from './errors.js';

/** Reads forward through a pickle. Every read checks first that the bytes are there. */
export class PickleCursor {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  get rest(): number {
    return this.bytes.length - this.at;
  }

  uint8(): number {
    this.need(1);
    return this.bytes[this.at++] as number;
  }

  uint16(): number {
    return this.take(2).readUInt16LE();
  }

  uint32(): number {
    return this.take(4).readUInt32LE();
  }

  int32(): number {
    return this.take(4).readInt32LE();
  }

  float64(): number {
    return this.take(8).readDoubleBE();
  }

  /** A length of 8 bytes. Nothing we accept is longer than 4 GiB, so the upper half must be 0. */
  length64(): number {
    const low = this.uint32();
    if (this.uint32() !== 0) throw new UndecodablePayloadError('pickle', 'length beyond 4 GiB');
    return low;
  }

  /** A view of the next bytes, not a copy. */
  take(size: number): Buffer {
    this.need(size);
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  /** The text up to the next newline, as latin 1. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end === -1) throw new UndecodablePayloadError('pickle', 'a line has no end');
    const line = this.bytes.toString('latin1', this.at, end);
    this.at = end + 1;
    return line;
  }

  need(size: number): void {
    if (size > this.rest) {
      throw new UndecodablePayloadError(
        'pickle',
        `truncated: ${size} bytes announced, ${this.rest} left`,
      );
    }
  }
}
