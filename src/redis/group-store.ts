import type { Redis } from 'ioredis';
import { keys, prefixes } from './keys.js';
import { loadScript, runScript } from './scripts.js';

const leaving = loadScript('leave-group');
const pruning = loadScript('prune-group');

const atOnce = 500;
/** How long nobody else prunes, in seconds: a little less than the pause between two cleanings. */
const pruneEverySeconds = 540;

const scriptKeys = (group: string): string[] => [keys.group(group), keys.groups];

/** Takes jobs out of their group; the jobs stay. Answers how many were in it. */
export const leaveGroup = async (
  redis: Redis,
  group: string,
  ids: readonly string[],
): Promise<number> => {
  if (ids.length === 0) return 0;
  const args = [prefixes.job, group, '', ...ids];
  const [left] = (await runScript(redis, leaving, scriptKeys(group), args)) as [number, number];
  return left;
};

/** Takes all jobs out of a group, some at a time: it is gone then, the jobs stay. Answers how many there were. */
export const disbandGroup = async (redis: Redis, group: string): Promise<number> => {
  let all = 0;
  for (;;) {
    const args = [prefixes.job, group, atOnce];
    const [left, rest] = (await runScript(redis, leaving, scriptKeys(group), args)) as [
      number,
      number,
    ];
    all += left;
    if (rest === 0) return all;
  }
};

/** Ids in a group, some at a time, in no order. An id may come twice when the group changes meanwhile. */
export async function* groupPages(redis: Redis, group: string): AsyncGenerator<string[]> {
  let cursor = '0';
  do {
    const [next, ids] = await redis.sscan(keys.group(group), cursor, 'COUNT', atOnce);
    cursor = next;
    if (ids.length > 0) yield ids;
  } while (cursor !== '0');
}

/** Drops ids whose jobs are gone. Answers how many. RQ: `Group.cleanup`. */
export const pruneGroup = async (redis: Redis, group: string): Promise<number> => {
  let dropped = 0;
  for await (const ids of groupPages(redis, group)) {
    const args = [prefixes.job, group, ...ids];
    dropped += Number(await runScript(redis, pruning, scriptKeys(group), args));
  }
  return dropped;
};

/**
 * Prunes every group, unless somebody did so minutes ago; one that has no jobs left is forgotten. RQ:
 * `Group.clean_registries`. Answers whether it was our turn.
 *
 * @throws the first error, after all that could be pruned was: a key of a wrong type is in nobody else's way
 */
export const pruneGroups = async (redis: Redis): Promise<boolean> => {
  const isOurTurn = await redis.set(keys.pruningGroups, '1', 'EX', pruneEverySeconds, 'NX');
  if (isOurTurn === null) return false;
  const errors: unknown[] = [];
  let cursor = '0';
  do {
    const [next, groups] = await redis.sscan(keys.groups, cursor, 'COUNT', 100);
    cursor = next;
    for (const group of groups) {
      try {
        await pruneGroup(redis, group);
        // No page was read of one without a set: its name alone is left.
        await runScript(redis, pruning, scriptKeys(group), [prefixes.job, group]);
      } catch (error) {
        errors.push(error);
      }
    }
  } while (cursor !== '0');
  if (errors.length > 0) throw errors[0];
  return true;
};
