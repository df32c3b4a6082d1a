import { UsageError } from './exit.js';
import type { RedisOptions } from './redis-options.js';

const notRead = [
  'REDIS_SSL_CA_CERTS',
  'REDIS_SSL_CA_DATA',
  'REDIS_SSL_KEYFILE',
  'REDIS_SSL_CERTFILE',
  'REDIS_SSL_CERT_REQS',
];

/**
 * Where RQ's own variables say that Redis is, besides its URLs. RQ: `get_redis_from_config(os.environ)`.
 *
 * @throws UsageError naming the variable
 */
export const rqEnvironment = (env: Readonly<Record<string, string | undefined>>): RedisOptions => {
  const { REDIS_HOST: host, REDIS_PORT: port, REDIS_DB: db, REDIS_PASSWORD: password } = env;
  const tls = isTrue('REDIS_SSL', env.REDIS_SSL);
  const given = notRead.find((name) => env[name]);
  if (tls && given !== undefined)
    throw new UsageError(
      `${given} is not read: Node takes further certificates from NODE_EXTRA_CA_CERTS`,
    );
  return {
    ...(host && { host }),
    // Docker and Kubernetes put `tcp://…` there for a service of this name.
    ...(port && !port.startsWith('tcp:') && { port: wholeOf('REDIS_PORT', port) }),
    ...(db && { db: wholeOf('REDIS_DB', db) }),
    ...(password && { password }),
    ...(tls && { tls }),
  };
};

const wholeOf = (name: string, text: string): number => {
  if (!/^\d{1,5}$/.test(text)) throw new UsageError(`${name} must be a whole number`);
  return Number(text);
};

const isTrue = (name: string, text = ''): boolean => {
  if (/^(y|yes|t|true)$/i.test(text)) return true;
  if (/^(n|no|f|false|)$/i.test(text)) return false;
  throw new UsageError(`${name} must be true or false`);
};
