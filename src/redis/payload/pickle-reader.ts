import { PickledObjectError, UndecodablePayloadError } from './errors.js';
import { type PayloadLimits, payloadLimits } from './limits.js';
import { NOT_AN_ATOM, readAtom } from './pickle-atoms.js';
import { PickleCursor } from './pickle-cursor.js';
import { PickleStack } from './pickle-stack.js';
import { integerOfLine } from './pickle-text.js';
import { convertTree, PickledContainer } from './pickle-tree.js';
import { asBuffer } from './utf8.js';

const HIGHEST_PROTOCOL = 5;
const STOP = 0x2e;
const GLOBAL = 0x63;
const INST = 0x69;
const STACK_GLOBAL = 0x93;

/** Known opcodes that build objects, leave the pickle, or are of no use to plain data. */
const REFUSED: ReadonlyMap<number, string> = new Map([
  [0x30, 'POP'],
  [0x31, 'POP_MARK'],
  [0x32, 'DUP'],
  [0x50, 'PERSID'],
  [0x51, 'BINPERSID'],
  [0x52, 'REDUCE'],
  [0x62, 'BUILD'],
  [GLOBAL, 'GLOBAL'],
  [INST, 'INST'],
  [0x6f, 'OBJ'],
  [0x81, 'NEWOBJ'],
  [0x82, 'EXT1'],
  [0x83, 'EXT2'],
  [0x84, 'EXT4'],
  [0x92, 'NEWOBJ_EX'],
  [STACK_GLOBAL, 'STACK_GLOBAL'],
  [0x97, 'NEXT_BUFFER'],
  [0x98, 'READONLY_BUFFER'],
]);

/**
 * Reads a pickle of plain data, protocols 0 to 5: None, bool, int, float, str, bytes, bytearray, list,
 * tuple, dict, set, frozenset. Never constructs an object and never calls anything.
 *
 * int beyond 2^53 becomes bigint, tuple an array, dict an object when all its keys are str, else a Map.
 *
 * @throws UndecodablePayloadError layer `pickle`; the reason names a refused opcode: `pickle opcode REDUCE`
 */
export function readPickle(bytes: Uint8Array, limits?: Partial<PayloadLimits>): unknown {
  const bounds = payloadLimits(limits);
  if (bytes.length > bounds.maxBytes) {
    throw malformed(`${bytes.length} bytes, more than ${bounds.maxBytes}`);
  }
  const cursor = new PickleCursor(asBuffer(bytes));
  const stack = new PickleStack(bounds);
  for (let opcode = cursor.uint8(); opcode !== STOP; opcode = cursor.uint8()) {
    const value = readAtom(opcode, cursor);
    if (value !== NOT_AN_ATOM) stack.push(value);
    else step(opcode, cursor, stack);
  }
  const value = stack.pop();
  if (stack.size > 0) throw malformed('more than one value');
  // Python ignores what follows. Here it is damage: a payload is one pickle and nothing else.
  if (cursor.rest > 0) throw malformed(`${cursor.rest} bytes after the end`);
  return convertTree(value, bounds);
}

function step(opcode: number, cursor: PickleCursor, stack: PickleStack): void {
  switch (opcode) {
    case 0x80: // PROTO
      checkProtocol(cursor.uint8());
      break;
    case 0x95: // FRAME
      cursor.need(cursor.length64());
      break;
    case 0x28: // MARK
      stack.mark();
      break;

    case 0x5d: // EMPTY_LIST
      stack.push(new PickledContainer('list', []));
      break;
    case 0x6c: // LIST
      stack.push(new PickledContainer('list', stack.popToMark()));
      break;
    case 0x61: // APPEND
      stack.extend('list', stack.popMany(1));
      break;
    case 0x65: // APPENDS
      stack.extend('list', stack.popToMark());
      break;

    case 0x29: // EMPTY_TUPLE
      stack.push(new PickledContainer('tuple', []));
      break;
    case 0x85: // TUPLE1
    case 0x86: // TUPLE2
    case 0x87: // TUPLE3
      stack.push(new PickledContainer('tuple', stack.popMany(opcode - 0x84)));
      break;
    case 0x74: // TUPLE
      stack.push(new PickledContainer('tuple', stack.popToMark()));
      break;

    case 0x7d: // EMPTY_DICT
      stack.push(new PickledContainer('dict', []));
      break;
    case 0x64: // DICT
      stack.push(new PickledContainer('dict', stack.popPairs()));
      break;
    case 0x73: // SETITEM
      stack.extend('dict', stack.popMany(2));
      break;
    case 0x75: // SETITEMS
      stack.extend('dict', stack.popPairs());
      break;

    case 0x8f: // EMPTY_SET
      stack.push(new PickledContainer('set', []));
      break;
    case 0x90: // ADDITEMS
      stack.extend('set', stack.popToMark());
      break;
    case 0x91: // FROZENSET
      stack.push(new PickledContainer('set', stack.popToMark()));
      break;

    case 0x94: // MEMOIZE
      stack.memoize(stack.memoSize);
      break;
    case 0x71: // BINPUT
      stack.memoize(cursor.uint8());
      break;
    case 0x72: // LONG_BINPUT
      stack.memoize(cursor.uint32());
      break;
    case 0x70: // PUT
      stack.memoize(Number(integerOfLine(cursor.line())));
      break;
    case 0x68: // BINGET
      stack.recall(cursor.uint8());
      break;
    case 0x6a: // LONG_BINGET
      stack.recall(cursor.uint32());
      break;
    case 0x67: // GET
      stack.recall(Number(integerOfLine(cursor.line())));
      break;
    default:
      throw refused(opcode, cursor, stack);
  }
}

function checkProtocol(protocol: number): void {
  if (protocol > HIGHEST_PROTOCOL) throw malformed(`unknown protocol ${protocol}`);
}

function refused(opcode: number, cursor: PickleCursor, stack: PickleStack) {
  const name = REFUSED.get(opcode);
  if (name === undefined) return malformed(`unknown pickle opcode 0x${opcode.toString(16)}`);
  const wanted = wantedGlobal(opcode, cursor, stack);
  return new PickledObjectError(`pickle opcode ${name}${wanted === '' ? '' : ` (${wanted})`}`);
}

/** Which class or function the pickle asks for: it tells a datetime from an attack. */
function wantedGlobal(opcode: number, cursor: PickleCursor, stack: PickleStack): string {
  let names: unknown[] = [];
  if (opcode === STACK_GLOBAL) names = stack.peek(2);
  if (opcode === GLOBAL || opcode === INST) names = [cursor.line(), cursor.line()];
  const shortNames = names.map((name) => (typeof name === 'string' ? name.slice(0, 60) : '?'));
  return shortNames.join('.').replace(/[^\w.]/g, '?');
}

function malformed(reason: string): UndecodablePayloadError {
  return new UndecodablePayloadError('pickle', reason);
}
