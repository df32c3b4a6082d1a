import { UndecodablePayloadError } from './errors.js';
import { MAX_INTEGER_BYTES } from './limits.js';
import type { PickleCursor } from './pickle-cursor.js';
import {
  ascii,
  floatOfLine,
  integerOfLine,
  longOfBytes,
  longOfLine,
  stringOfLine,
  unicodeOfLine,
} from './pickle-text.js';
import { pickledText } from './utf8.js';

export const NOT_AN_ATOM = Symbol('not an atom');

/** The value of an opcode that pushes one without touching the stack, or `NOT_AN_ATOM`. */
export function readAtom(opcode: number, cursor: PickleCursor): unknown {
  switch (opcode) {
    case 0x4e: // NONE
      return null;
    case 0x88: // NEWTRUE
      return true;
    case 0x89: // NEWFALSE
      return false;

    case 0x4b: // BININT1
      return cursor.uint8();
    case 0x4d: // BININT2
      return cursor.uint16();
    case 0x4a: // BININT
      return cursor.int32();
    case 0x8a: // LONG1
      return longOfBytes(cursor.take(cursor.uint8()));
    case 0x8b: // LONG4
      return long4(cursor);
    case 0x49: // INT
      return integerOfLine(cursor.line());
    case 0x4c: // LONG
      return longOfLine(cursor.line());
    case 0x47: // BINFLOAT
      return cursor.float64();
    case 0x46: // FLOAT
      return floatOfLine(cursor.line());

    case 0x58: // BINUNICODE
      return text(cursor.take(cursor.uint32()));
    case 0x8c: // SHORT_BINUNICODE
      return text(cursor.take(cursor.uint8()));
    case 0x8d: // BINUNICODE8
      return text(cursor.take(cursor.length64()));
    case 0x56: // UNICODE
      return unicodeOfLine(cursor.line());
    case 0x53: // STRING
      return stringOfLine(cursor.line());
    case 0x54: // BINSTRING
      return ascii(cursor.take(cursor.uint32()).toString('latin1'));
    case 0x55: // SHORT_BINSTRING
      return ascii(cursor.take(cursor.uint8()).toString('latin1'));

    // Copies: a view would keep the whole payload alive as long as the smallest of its values.
    case 0x42: // BINBYTES
      return Buffer.from(cursor.take(cursor.uint32()));
    case 0x43: // SHORT_BINBYTES
      return Buffer.from(cursor.take(cursor.uint8()));
    case 0x8e: // BINBYTES8
    case 0x96: // BYTEARRAY8
      return Buffer.from(cursor.take(cursor.length64()));
    default:
      return NOT_AN_ATOM;
  }
}

function text(bytes: Buffer): string {
  const decoded = pickledText(bytes);
  if (decoded === null) throw new UndecodablePayloadError('pickle', 'text that is not UTF-8');
  return decoded;
}

function long4(cursor: PickleCursor): number | bigint {
  const size = cursor.int32();
  if (size < 0 || size > MAX_INTEGER_BYTES) {
    throw new UndecodablePayloadError('pickle', `integer of ${size} bytes`);
  }
  return longOfBytes(cursor.take(size));
}
