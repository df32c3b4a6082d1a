import type { Redis } from 'ioredis';
import { spaceOf } from '../scan.js';
import { readServerClock } from '../server-clock.js';

/** What Redis tells of itself. */
export interface ServerFacts {
  /** INFO, all sections. */
  info: Readonly<Record<string, string>>;
  /** CONFIG GET, or `null` where that is not allowed, as with most hosted ones. */
  config: Readonly<Record<string, string>> | null;
}

/** The same, and how its clock stands to ours. */
export interface ServerReading extends ServerFacts {
  /** Our clock minus Redis', in milliseconds. */
  skewMs: number;
  /** How long an answer takes: the skew is not known better than that. */
  roundTripMs: number;
  /** Of a cluster; see docs/cluster.md. */
  space?: string | null;
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

/** Reads only, in one round trip. @throws what Redis throws, but for CONFIG */
export const readFacts = async (redis: Redis): Promise<ServerFacts> => {
  const asked = redis.pipeline().info();
  // Several names in one CONFIG GET came with Redis 7.
  for (const name of wanted) asked.config('GET', name);
  const [said, ...settings] = (await asked.exec()) ?? [];
  if (said?.[0]) throw said[0];
  const mayRead = settings.every(([error]) => error === null);
  const pairs = settings.flatMap(([, of]) => (of ?? []) as string[]);
  return { info: parseInfo(String(said?.[1])), config: mayRead ? toRecord(pairs) : null };
};

/** Reads only. @throws what Redis throws, but for CONFIG */
export const readServer = async (redis: Redis): Promise<ServerReading> => {
  const facts = await readFacts(redis);
  // A sentinel does not know TIME.
  if (facts.info.redis_mode === 'sentinel') return { ...facts, skewMs: 0, roundTripMs: 0 };
  // The shortest of a few round trips tells most about the clock.
  const looks: Array<{ skewMs: number; roundTripMs: number }> = [];
  for (let n = 0; n < 3; n += 1) {
    const beforeMs = performance.now();
    const wallMs = Date.now();
    const { ms: redisMs } = await readServerClock(redis);
    const roundTripMs = performance.now() - beforeMs;
    looks.push({ skewMs: wallMs + roundTripMs / 2 - redisMs, roundTripMs });
  }
  looks.sort((a, b) => a.roundTripMs - b.roundTripMs);
  const best = looks[0] as { skewMs: number; roundTripMs: number };
  return { ...facts, ...best, space: spaceOf(redis) };
};

const parseInfo = (text: string): Record<string, string> => {
  const info: Record<string, string> = Object.fromEntries(
    text
      .split(/\r?\n/)
      .filter((line) => line.includes(':') && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
  // Valkey's own name for it.
  if (info.server_mode) info.redis_mode ??= info.server_mode;
  return info;
};

const toRecord = (pairs: readonly string[]): Record<string, string> => {
  const record: Record<string, string> = {};
  for (let at = 0; at + 1 < pairs.length; at += 2)
    record[pairs[at] as string] = pairs[at + 1] as string;
  return record;
};
