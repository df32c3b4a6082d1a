import { MAX_INTEGER_BYTES, type PayloadLimits } from './limits.js';
import { bytesOfLong } from './pickle-text.js';
import { textForPickle } from './utf8.js';

/**
 * The growing bytes of one pickle: atoms in, opcodes out. A method that returns a text wrote nothing,
 * and the text says why.
 */
export class PickleBytes {
  // Behind PROTO and its number, which are known only at the end.
  private size = 2;
  private bytes = Buffer.allocUnsafe(256);
  private protocol = 2;

  constructor(private readonly limits: Readonly<PayloadLimits>) {}

  /** Bytes exist from protocol 3 on, sets from 4; everything else every Python can read. */
  needProtocol(protocol: 3 | 4): void {
    this.protocol = Math.max(this.protocol, protocol);
  }

  opcode(opcode: number): void {
    this.room(1);
    this.bytes[this.size++] = opcode;
  }

  number(value: number): string | null {
    // -0 and everything beyond 2^53 exist only as floats; as int they would claim to be exact.
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) this.float(value);
    else if (value >= 0 && value <= 0xff) this.argument(0x4b /* BININT1 */, 1, value);
    else if (value >= 0 && value <= 0xffff) this.argument(0x4d /* BININT2 */, 2, value);
    else if (value === (value | 0)) this.argument(0x4a /* BININT */, 4, value >>> 0);
    else return this.long(BigInt(value));
    return null;
  }

  integer(value: bigint): string | null {
    const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
    return isSafe ? this.number(Number(value)) : this.long(value);
  }

  text(value: string): string | null {
    const bytes = textForPickle(value);
    if (this.isTooMuch(bytes.length)) return this.tooMuch();
    this.argument(0x58 /* BINUNICODE */, 4, bytes.length);
    this.append(bytes);
    return null;
  }

  binary(value: Uint8Array): string | null {
    if (this.isTooMuch(value.length)) return this.tooMuch();
    this.needProtocol(3);
    if (value.length < 256) this.argument(0x43 /* SHORT_BINBYTES */, 1, value.length);
    else this.argument(0x42 /* BINBYTES */, 4, value.length);
    this.append(value);
    return null;
  }

  /** Ends the pickle. Nothing may be written afterwards. */
  finish(): Buffer {
    this.opcode(0x2e); // STOP
    this.bytes[0] = 0x80; // PROTO
    this.bytes[1] = this.protocol;
    return this.bytes.subarray(0, this.size);
  }

  private long(value: bigint): string | null {
    const bytes = bytesOfLong(value);
    if (bytes.length > MAX_INTEGER_BYTES) {
      return `is an integer of more than ${MAX_INTEGER_BYTES} bytes`;
    }
    if (bytes.length < 256) this.argument(0x8a /* LONG1 */, 1, bytes.length);
    else this.argument(0x8b /* LONG4 */, 4, bytes.length);
    this.append(bytes);
    return null;
  }

  private float(value: number): void {
    this.room(9);
    this.bytes[this.size] = 0x47; // BINFLOAT
    this.bytes.writeDoubleBE(value, this.size + 1);
    this.size += 9;
  }

  private argument(opcode: number, width: 1 | 2 | 4, value: number): void {
    this.room(1 + width);
    this.bytes[this.size] = opcode;
    this.bytes.writeUIntLE(value, this.size + 1, width);
    this.size += 1 + width;
  }

  private append(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.bytes.set(bytes, this.size);
    this.size += bytes.length;
  }

  private room(size: number): void {
    const needed = this.size + size;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.size);
    this.bytes = grown;
  }

  // Asked before a large value is copied; the many small ones are bounded by their number.
  private isTooMuch(size: number): boolean {
    return this.size + size > this.limits.maxBytes;
  }

  private tooMuch(): string {
    return `makes the payload larger than ${this.limits.maxBytes} bytes`;
  }
}
