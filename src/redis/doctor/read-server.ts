import type { Redis } from 'ioredis';

/** What Redis tells of itself at one moment. */
export interface ServerReading {
  /** INFO, all sections. */
  info: Readonly<Record<string, string>>;
  /** CONFIG GET, or `null` where that is not allowed, as with most hosted ones. */
  config: Readonly<Record<string, string>> | null;
  /** Our clock minus Redis', in milliseconds. */
  skewMs: number;
  /** How long an answer takes: the skew is not known better than that. */
  roundTripMs: number;
}

const wanted = [
  'save',
  'appendonly',
  'appendfsync',
  'timeout',
  'tcp-keepalive',
  'hash-max-*',
  'stop-writes-on-bgsave-error',
];

/** Reads only. @throws what Redis throws, but for CONFIG */
export const readServer = async (redis: Redis): Promise<ServerReading> => {
  const info = parseInfo(await redis.info());
  // A sentinel knows neither CONFIG nor TIME.
  if (info.redis_mode === 'sentinel') return { info, config: null, skewMs: 0, roundTripMs: 0 };
  const config: Record<string, string> = {};
  let mayRead = true;
  for (const name of wanted) {
    const pairs = await redis.config('GET', name).catch(() => null);
    if (pairs === null) mayRead = false;
    else Object.assign(config, toRecord(pairs as string[]));
  }
  // The shortest of a few round trips tells most about the clock.
  const looks: Array<{ skewMs: number; roundTripMs: number }> = [];
  for (let n = 0; n < 3; n += 1) {
    const beforeMs = performance.now();
    const wallMs = Date.now();
    const [seconds, micros] = await redis.time();
    const roundTripMs = performance.now() - beforeMs;
    const redisMs = Number(seconds) * 1_000 + Number(micros) / 1_000;
    looks.push({ skewMs: wallMs + roundTripMs / 2 - redisMs, roundTripMs });
  }
  looks.sort((a, b) => a.roundTripMs - b.roundTripMs);
  const best = looks[0] as { skewMs: number; roundTripMs: number };
  return { info, config: mayRead ? config : null, ...best };
};

const parseInfo = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split(/\r?\n/)
      .filter((line) => line.includes(':') && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );

const toRecord = (pairs: readonly string[]): Record<string, string> => {
  const record: Record<string, string> = {};
  for (let at = 0; at + 1 < pairs.length; at += 2)
    record[pairs[at] as string] = pairs[at + 1] as string;
  return record;
};
