import type { Redis } from 'ioredis';
import { type AclRole, aclRoles, aclRules } from '../../src/redis/acl.js';
import type { RedisAddress } from '../../src/redis/connection.js';

/** A user of each role, and one that may do everything, for what tests do themselves. */
export type User = AclRole | 'harness';

const password = 'secret';

/** These users for the command line of a redis-server, so that they outlive its restarts. */
export const userArgs: readonly string[] = [
  ...aclRoles.flatMap((role) => ['--user', role, 'on', `>${password}`, ...aclRules(role)]),
  ...['--user', 'harness', 'on', `>${password}`, '~*', '&*', '+@all'],
];

/**
 * Whoever forgets its user somewhere is then refused. The rights stay: as this user Redis reads its AOF, and what it may not
 * do inside of a transaction, as each script is written there, is dropped (redis/redis#14541).
 */
export const nobodyElse: readonly string[] = ['--user', 'default', 'off', '~*', '&*', '+@all'];

/** The URL for this user, or as it is where it names one already. */
export const asUser = (url: string, user: User): string =>
  url.includes('@') ? url : url.replace('//', `//${user}:${password}@`);

/** An address of any kind for this user. */
export const addressFor = (address: RedisAddress, user: User): RedisAddress =>
  typeof address === 'string' ? asUser(address, user) : { ...address, username: user, password };

/** redis-py says its name to Redis 7.2 and newer; older ones know no rule that would grant it. */
const greeting = 'python: command client|setinfo (toplevel)';

/** What Redis refused users that had come in, since the last call. */
export const refusalsOf = async (admin: Redis): Promise<string[]> => {
  const log = (await admin.acl('LOG')) as unknown as unknown[][];
  await admin.acl('LOG', 'RESET');
  const entries = log.map((entry) =>
    Object.fromEntries(
      Array.from({ length: entry.length / 2 }, (_, n) => [entry[2 * n], entry[2 * n + 1]]),
    ),
  );
  return entries
    .filter(({ reason }) => reason !== 'auth')
    .map(({ username, reason, object, context }) => `${username}: ${reason} ${object} (${context})`)
    .filter((refusal) => refusal !== greeting);
};
