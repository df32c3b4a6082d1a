import type { Redis } from 'ioredis';
import { scanKeys } from '../scan.js';

/** No command of an audit asks for more: Redis serves others in between. */
const chunk = 1_000;

const text = (bytes: unknown): string => (bytes as Buffer).toString('latin1');

/** Names of keys that begin with one of our two prefixes, as bytes in latin1; some may come twice. */
export const scanNames = async function* (redis: Redis): AsyncGenerator<string[]> {
  for await (const page of scanKeys(redis, 'r*q:*', chunk)) {
    const names = page.map(text);
    yield names.filter((name) => name.startsWith('rq:') || name.startsWith('rxrq:'));
  }
};

/** A list from its tail: ids that workers pop meanwhile shift nothing, and what is pushed meanwhile is seen or not. */
export const readList = async function* (redis: Redis, key: string): AsyncGenerator<string[]> {
  let previous: string[] = [];
  // Windows overlap, so that a removal further right does not slip an id past us.
  const overlap = 100;
  for (let end = -1; ; end -= chunk - overlap) {
    const window = (
      (await redis.callBuffer('LRANGE', bytes(key), end - chunk + 1, end)) as Buffer[]
    ).map(text);
    if (window.length === 0) return;
    const fresh = window.slice(0, window.length - overlapOf(window, previous));
    if (fresh.length > 0) yield fresh;
    if (window.length < chunk) return;
    previous = window;
  }
};

/** How many at the end of the new window are the beginning of the one before. */
const overlapOf = (window: readonly string[], previous: readonly string[]): number => {
  for (let from = Math.max(0, window.length - previous.length); from < window.length; from++) {
    if (window[from] !== previous[0]) continue;
    let length = 1;
    while (from + length < window.length && window[from + length] === previous[length]) length += 1;
    if (from + length === window.length) return length;
  }
  return 0;
};

/** A sorted set; a member that moves meanwhile may come twice, and none that stays is left out. */
export const readSortedSet = async function* (
  redis: Redis,
  key: string,
): AsyncGenerator<Array<[member: string, score: string]>> {
  let cursor = '0';
  do {
    const reply = (await redis.callBuffer('ZSCAN', bytes(key), cursor, 'COUNT', chunk)) as [
      Buffer,
      Buffer[],
    ];
    cursor = text(reply[0]);
    const found: Array<[string, string]> = [];
    for (let at = 0; at + 1 < reply[1].length; at += 2) {
      found.push([text(reply[1][at]), text(reply[1][at + 1])]);
    }
    yield found;
  } while (cursor !== '0');
};

/** A name or id that came in as latin1, as the bytes that it stands for. */
export const bytes = (latin1: string): Buffer => Buffer.from(latin1, 'latin1');
