import type { Redis } from 'ioredis';
import { type Diagnosis, fine } from './finding.js';

/** What the default user may do; `null` where nobody tells. */
export type DefaultUser = { commands: string; hasAllKeys: boolean } | null;

/** Reads only. `null` for whoever may not ask, as with every role of ours. */
export const readDefaultUser = async (redis: Redis): Promise<DefaultUser> => {
  const said = await redis.call('ACL', 'GETUSER', 'default').catch(() => null);
  if (!Array.isArray(said)) return null;
  const of = (name: string): string => String(said[said.indexOf(name) + 1]);
  // Redis 6 lists patterns, later ones give them as a rule.
  return { commands: of('commands'), hasAllKeys: ['~*', '*'].includes(of('keys')) };
};

/**
 * Redis 7 reads its log as the default user, and what that one may not do within a transaction, as each script is written there,
 * it leaves out: redis/redis#14541. Pure.
 */
export const judgeDefaultUser = (user: DefaultUser, hasLog: boolean): Diagnosis[] => {
  const check = 'default-user';
  if (!user || !hasLog) return [];
  if (user.commands === '+@all' && user.hasAllKeys)
    return [fine(check, 'may do everything, which reading the AOF takes')];
  return [
    {
      check,
      level: 'problem',
      what: `the default user has less than all rights (${user.commands}${user.hasAllKeys ? '' : ', not all keys'})`,
      why: 'many releases of Redis read their AOF as this user, and drop what it may not do: acknowledged jobs are gone after a restart',
      remedy:
        'close it and leave it its rights: ACL SETUSER default off ~* &* +@all, and so in its configuration',
    },
  ];
};
