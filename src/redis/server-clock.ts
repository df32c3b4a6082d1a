import type { Redis } from 'ioredis';

/** What the clock of Redis shows, the only one that all processes share. Milliseconds have a fraction. */
export const readServerClock = async (
  redis: Redis,
): Promise<{ seconds: number; micros: number; ms: number }> => {
  const [seconds, micros] = (await redis.time()).map(Number) as [number, number];
  return { seconds, micros, ms: seconds * 1_000 + micros / 1_000 };
};
