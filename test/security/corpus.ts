import { deflateSync } from 'node:zlib';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** Payloads as real RQ 2.12 and 1.16 write them, one of each form: what mutations start from. */
export const golden: readonly Buffer[] = [
  Buffer.from('["tasks.add", null, [1], {"b": 3}]'),
  deflateSync(Buffer.from('["tasks.add", null, [1], {"b": 3}]')),
  // pickle.dumps(('tasks.add', None, (1,), {'b': 3}), protocol 5, then 2 and 0).
  hex('8005951e00000000000000288c097461736b732e616464944e4b0185947d948c0162944b037374942e'),
  hex('80022858090000007461736b732e61646471004e4b018571017d710258010000006271034b03737471042e'),
  Buffer.from('(Vtasks.add\np0\nNI1\ntp1\n(dp2\nVb\np3\nI3\nstp4\n.'),
  // Floats, bytes, a set, long integers, shared lists, a wrapped meta.
  hex('8005951a000000000000007d948c0161945d9428473ff800000000000043027879948865752e'),
  hex('80058f94284b014b02908a0affffffffffffffff7f00869486942e'),
  hex('8005951f000000000000007d948c0c756e73657269616c697a656494430c7b2261223a205b315d7d94732e'),
  Buffer.from(
    '{"a": NaN, "b": [Infinity, -Infinity, 12345678901234567890], "c": "\\ud83d\\ude00"}',
  ),
  // What must be refused: a call of os.system, and a datetime.
  Buffer.from("cos\nsystem\n(S'id'\ntR."),
  hex('80059520000000000000008c086461746574696d65948c086461746574696d6594939443000794852e'),
];

/** Bytes that turn one thing into another: opcodes, lengths, brackets, headers. */
const sharp = [0x00, 0x01, 0x28, 0x2e, 0x4e, 0x58, 0x5b, 0x5d, 0x78, 0x7b, 0x80, 0x8a, 0x94, 0xff];

/** A reproducible source of numbers below `bound` (xorshift). */
export const randomFrom = (seed: number): ((bound: number) => number) => {
  let state = seed | 0 || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
};

/** One of the seeds, changed in one to eight places. */
export const mutant = (random: (bound: number) => number, seeds: readonly Buffer[]): Buffer => {
  let bytes = Buffer.from(seeds[random(seeds.length)] as Buffer);
  for (let changes = 1 + random(8); changes > 0; changes--) {
    const at = random(bytes.length + 1);
    const other = seeds[random(seeds.length)] as Buffer;
    switch (random(6)) {
      case 0:
        bytes[at] = sharp[random(sharp.length)] as number;
        break;
      case 1:
        bytes[at] = random(256);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(4))]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(random(other.length))]);
        break;
      case 4: {
        const piece = bytes.subarray(at, at + 1 + random(16));
        const copies = Array.from({ length: 1 + random(64) }, () => piece);
        bytes = Buffer.concat([bytes.subarray(0, at), ...copies, bytes.subarray(at)]);
        break;
      }
      default:
        bytes = deflateSync(bytes);
    }
  }
  return bytes;
};
