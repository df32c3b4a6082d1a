import { type ClusterAddress, isClusterUrl, parseClusterUrl } from '../redis/cluster-address.js';
import { isWellFormed, type RedisAddress, type RedisSettings } from '../redis/connection.js';
import { UsageError } from './exit.js';
import type { RedisOptions } from './redis-options.js';

/** The options that name a server; the others complete it. */
export const wheres = ['url', 'host', 'socket', 'sentinel'] as const;
export type Where = (typeof wheres)[number];

const isPath = (url: string): boolean => /^(\/|unix:)/.test(url);

const checkUrl = (url: string): string => {
  if (isClusterUrl(url)) {
    clusterOf(url);
    return url;
  }
  // The URL itself is not repeated: it may hold a password, and where that ends is just what is unclear.
  if (!isPath(url) && (!/^(rediss?|valkeys?):\/\//.test(url) || !isWellFormed(url))) {
    throw new UsageError(
      'the Redis URL is not valid: it must look like redis://user:password@host:6379/0, with special characters of the password as %XX',
    );
  }
  return url;
};

const clusterOf = (url: string): ClusterAddress => {
  try {
    return parseClusterUrl(url);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
};

/** Whether a URL already says what an option says. @throws UsageError */
export const isInUrl = (url: string, part: keyof RedisOptions): boolean => {
  if (isPath(url)) return false;
  if (isClusterUrl(url)) return isInCluster(clusterOf(url), part);
  const { port, pathname, username, password, protocol } = new URL(checkUrl(url));
  const there: Partial<Record<keyof RedisOptions, string>> = {
    ...{ port, username, password, db: pathname.slice(1) },
    tls: protocol.endsWith('s:') ? 'yes' : '',
  };
  return Boolean(there[part]);
};

const isInCluster = (address: ClusterAddress, part: keyof RedisOptions): boolean =>
  (part === 'username' || part === 'password' || part === 'tls') && address[part] !== undefined;

/** What was found, in the form that ioredis takes: a URL where one can say it. @throws UsageError */
export const composeAddress = (key: Where, value: string, parts: RedisOptions): RedisAddress => {
  if (key === 'sentinel') return sentinelAddress(value, parts);
  if (key === 'socket') return socketAddress(value, parts);
  const url =
    key === 'url' ? checkUrl(value) : `redis://${value.includes(':') ? `[${value}]` : value}:6379`;
  if (Object.keys(parts).length === 0) return url;
  if (isClusterUrl(url)) return clusterAddress(url, parts);
  if (isPath(url))
    return socketAddress(url.replace(/^unix:(\/\/)?/, '').replace(/\?.*$/s, ''), parts);
  if (!URL.canParse(url)) throw new UsageError(`${JSON.stringify(value)} is no host`);
  return complete(new URL(url), parts);
};

const complete = (url: URL, { port, db, username, password, tls }: RedisOptions): string => {
  if (port !== undefined) url.port = String(port);
  if (db !== undefined) url.pathname = `/${db}`;
  if (username !== undefined) url.username = encodeURIComponent(username);
  if (password !== undefined) url.password = encodeURIComponent(password);
  if (tls) url.protocol = 'rediss:';
  return url.href;
};

const credentials = ({ db, username, password }: RedisOptions): RedisSettings => ({
  ...(db !== undefined && { db }),
  ...(username !== undefined && { username }),
  ...(password !== undefined && { password }),
});

const socketAddress = (path: string, parts: RedisOptions): RedisAddress => ({
  path,
  ...credentials(parts),
});

const clusterAddress = (url: string, { port, db, tls, ...own }: RedisOptions): RedisAddress => {
  if (port !== undefined) throw new UsageError('--port says nothing beside the URL of a cluster');
  if (db !== undefined)
    throw new UsageError(
      '--db says nothing beside the URL of a cluster: it has spaces, and no databases',
    );
  const { username, password } = own;
  return {
    ...clusterOf(url),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
  };
};

const sentinelAddress = (hosts: string, parts: RedisOptions): RedisAddress => {
  const { sentinelName: name = 'mymaster', sentinelPassword, tls } = parts;
  const sentinels = hosts.split(',').map((text) => {
    const match = /^\s*(?:\[([\da-f:]+)\]|([^\s:]+))(?::(\d{1,5}))?\s*$/i.exec(text);
    if (!match) throw new UsageError('--sentinel must be host:port, with commas between several');
    return { host: (match[1] ?? match[2]) as string, port: Number(match[3] ?? 26_379) };
  });
  return {
    sentinels,
    name,
    ...credentials(parts),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(tls && { tls: {}, enableTLSForSentinelMode: true, sentinelTLS: {} }),
  };
};
