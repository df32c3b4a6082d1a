import type { Redis } from 'ioredis';
import { type Diagnosis, fine } from './finding.js';
import type { ServerFacts } from './read-server.js';

/** What the default user may do; `null` where nobody tells. */
export type DefaultUser = { commands: string; hasAllKeys: boolean } | null;

/** Reads only. `null` for whoever may not ask, as with every role of ours. @throws what else Redis throws */
export const readDefaultUser = async (redis: Redis): Promise<DefaultUser> => {
  const said = await redis.call('ACL', 'GETUSER', 'default').catch((error: Error) => {
    if (/^(NOPERM|ERR unknown)/.test(error.message)) return null;
    throw error;
  });
  if (!Array.isArray(said)) return null;
  const of = (name: string): string => String(said[said.indexOf(name) + 1]);
  // Redis 6 lists patterns, later ones give them as a rule.
  return { commands: of('commands'), hasAllKeys: ['~*', '*'].includes(of('keys')) };
};

/**
 * Redis 7 reads its log as the default user, and what that one may not do within a transaction, as each script is written there,
 * it leaves out: redis/redis#14541. Later releases, and Valkey's, have mended that at some time. Pure.
 */
export const judgeDefaultUser = (user: DefaultUser, info: ServerFacts['info']): Diagnosis[] => {
  const check = 'default-user';
  if (!user || info.aof_enabled !== '1') return [];
  if (user.commands === '+@all' && user.hasAllKeys)
    return [fine(check, 'may do everything, which reading the AOF takes')];
  const isKnownToLose = !info.valkey_version && Number.parseInt(info.redis_version ?? '', 10) <= 7;
  const rights = `${user.commands}${user.hasAllKeys ? '' : ', not all keys'}`;
  return [
    {
      check,
      level: isKnownToLose ? 'problem' : 'warning',
      what: `the default user has less than all rights (${rights})`,
      why: 'Redis 7, and some later releases, read their AOF as this user and drop what it may not do: acknowledged jobs are gone after a restart',
      remedy:
        'give it all rights (~* &* +@all), in the configuration too; whether it may log in is another matter, see docs/security.md',
    },
  ];
};
