import { isUtf8 } from 'node:buffer';

const REPLACEMENT = '\ufffd';
const LONE_SURROGATE = /[\ud800-\udfff]/u;
const LONE_SURROGATES = /[\ud800-\udfff]/gu;

/** UTF-8 to text, or `null` when the bytes are not UTF-8: a replacement character would hide damage. */
export function strictUtf8(bytes: Uint8Array): string | null {
  const text = asBuffer(bytes).toString('utf8');
  return text.includes(REPLACEMENT) && !isUtf8(bytes) ? null : text;
}

/** As `strictUtf8`, but a lone surrogate may stand as three bytes: Python's `surrogatepass`. */
export function pickledText(bytes: Buffer): string | null {
  const text = bytes.toString('utf8');
  if (!text.includes(REPLACEMENT) || isUtf8(bytes)) return text;
  let decoded = '';
  let start = 0;
  for (let at = bytes.indexOf(0xed); at !== -1; at = bytes.indexOf(0xed, at + 1)) {
    const second = bytes[at + 1] ?? 0;
    const third = bytes[at + 2] ?? 0;
    // 0xED never occurs inside a character, and followed by 0xA0..0xBF it is never plain UTF-8.
    if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue;
    const before = strictUtf8(bytes.subarray(start, at));
    if (before === null) return null;
    decoded += before + String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
    start = at + 3;
  }
  const rest = strictUtf8(bytes.subarray(start));
  return rest === null ? null : decoded + rest;
}

/** Text to UTF-8 with lone surrogates kept as three bytes, as `pickledText` reads them. */
export function textForPickle(text: string): Buffer {
  if (!LONE_SURROGATE.test(text)) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  let start = 0;
  for (const { index } of text.matchAll(LONE_SURROGATES)) {
    const unit = text.charCodeAt(index);
    parts.push(Buffer.from(text.slice(start, index), 'utf8'));
    parts.push(Buffer.from([0xed, 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)]));
    start = index + 1;
  }
  parts.push(Buffer.from(text.slice(start), 'utf8'));
  return Buffer.concat(parts);
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
