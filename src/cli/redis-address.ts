import type { RedisAddress } from '../redis/connection.js';
import { composeAddress, isInUrl, type Where, wheres } from './compose-address.js';
import type { Effective } from './config/effective.js';
import { UsageError } from './exit.js';
import { type RedisOptions, redisOptionNames } from './redis-options.js';
import { rqEnvironment } from './rq-environment.js';

type Env = Readonly<Record<string, string | undefined>>;
type Key = keyof RedisOptions;

/** Who may say where Redis is, the strongest last. RQ's `REDIS_HOST` and its kin are asked last, as RQ does. */
const speakers = [
  'default',
  'REDIS_HOST',
  'file',
  'REDIS_URL',
  'RQ_REDIS_URL',
  'environment',
  'flag',
] as const;
type Speaker = (typeof speakers)[number];
type Said = Map<Key, { value: string | number | boolean; by: Speaker }>;

const isStronger = (one: Speaker, other: Speaker): boolean =>
  speakers.indexOf(one) > speakers.indexOf(other);

const partsOf: Readonly<Record<Where, readonly Key[]>> = {
  url: ['port', 'db', 'username', 'password', 'tls'],
  host: ['port', 'db', 'username', 'password', 'tls'],
  socket: ['db', 'username', 'password'],
  sentinel: ['sentinelName', 'sentinelPassword', 'db', 'username', 'password', 'tls'],
};

const flagOf = (key: string): string =>
  `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/**
 * Where Redis is, and who said so. The strongest that names a server wins; what completes it (`--db`, `--password`,
 * …) must be said by the same or by a stronger one, so that the password of one server is never sent to another.
 *
 * @throws UsageError
 */
export const redisAddressOf = (
  effective: readonly Effective[],
  env: Env,
): { address: RedisAddress; by: Speaker } => {
  const said = gather(effective, env);
  const { key, value, by } = strongest(said);
  if (!isStronger(by, 'REDIS_HOST') && env.RQ_CONFIG)
    throw new UsageError(
      `RQ_CONFIG names ${JSON.stringify(env.RQ_CONFIG)}, a Python settings module, which Node cannot read: say where Redis is with --url, RQ_REDIS_URL, or common.url in rxrq.config.json`,
    );
  const parts: RedisOptions = {};
  for (const [part, one] of said) {
    if ((wheres as readonly string[]).includes(part) || isStronger(by, one.by)) continue;
    if (!partsOf[key].includes(part))
      throw new UsageError(`${flagOf(part)} says nothing beside ${flagOf(key)}`);
    if (key === 'url' && one.by === by && isInUrl(value, part))
      throw new UsageError(`${flagOf(part)} and the URL both say it: give one of them`);
    Object.assign(parts, { [part]: one.value });
  }
  return { address: composeAddress(key, value, parts), by };
};

const gather = (effective: readonly Effective[], env: Env): Said => {
  const said: Said = new Map();
  for (const { setting, value, source } of effective) {
    if (value === undefined || source === 'default' || !redisOptionNames.includes(setting.key))
      continue;
    said.set(setting.key as Key, { value: value as string, by: source });
  }
  for (const by of ['REDIS_URL', 'RQ_REDIS_URL'] as const) {
    const value = env[by];
    if (value && isStronger(by, said.get('url')?.by ?? 'default')) said.set('url', { value, by });
  }
  if (wheres.some((key) => said.has(key))) return said;
  for (const [key, value] of Object.entries(rqEnvironment(env)) as Array<[Key, string]>)
    if (!said.has(key)) said.set(key, { value, by: 'REDIS_HOST' });
  return said;
};

const strongest = (said: Said): { key: Where; value: string; by: Speaker } => {
  const [first, second] = wheres
    .flatMap((key) => {
      const one = said.get(key);
      return one ? [{ key, value: String(one.value), by: one.by }] : [];
    })
    .sort((a, b) => speakers.indexOf(b.by) - speakers.indexOf(a.by));
  if (first && first.by === second?.by)
    throw new UsageError(`give only one of ${flagOf(first.key)} and ${flagOf(second.key)}`);
  return first ?? { key: 'host', value: 'localhost', by: 'default' };
};
