import { existsSync, readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { RedisServer } from '../../scripts/redis-server.mjs';

/**
 * For how long Redis let nobody else in while `work` was under way, in milliseconds of its own processor time: what
 * else a loaded machine does is not counted. By the wall clock where Linux does not tell it.
 *
 * @param server one that serves nobody else
 */
export const longestHoldMs = async (
  server: RedisServer,
  work: () => Promise<unknown>,
): Promise<number> => {
  const file = `/proc/${server.pid}/task/${server.pid}/schedstat`;
  const clock = existsSync(file)
    ? () => Number(readFileSync(file, 'utf8').split(' ', 1)[0]) / 1e6
    : () => performance.now();
  const other = new Redis(server.url);
  let isOver = false;
  const working = work().finally(() => {
    isOver = true;
  });
  let longest = 0;
  try {
    for (let before = clock(); !isOver; ) {
      await other.ping();
      const after = clock();
      longest = Math.max(longest, after - before);
      before = after;
    }
    await working;
  } finally {
    other.disconnect();
  }
  return longest;
};
