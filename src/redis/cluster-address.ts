import type { RedisOptions } from 'ioredis';
import { InvalidOptionError } from './errors.js';

/** One space of a Redis Cluster, and what ioredis is told for the connections to its nodes. */
export interface ClusterAddress
  extends Pick<
    RedisOptions,
    'username' | 'password' | 'tls' | 'family' | 'connectTimeout' | 'connectionName'
  > {
  /** Some of its nodes, `host:port`; the others are learned from these. */
  cluster: readonly string[];
  /** The hash tag under which all keys lie, and thereby their slot: a queue's name, or one for queues that belong together. */
  space?: string;
}

/** Whether an address is of a cluster, in either form. */
export const isClusterUrl = (url: string): boolean => /^rediss?\+cluster:/.test(url);

const form = /^redis(s?)\+cluster:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^@/?#]+)(?:\/([^/?#@]*))?$/;

/** `redis+cluster://user:password@host:port,host:port/space`, or with `rediss+cluster`. @throws InvalidOptionError */
export const parseClusterUrl = (url: string): ClusterAddress => {
  const [, s, username, password, nodes, space] = form.exec(url) ?? [];
  // The URL itself is not repeated: it may hold a password.
  if (nodes === undefined)
    throw new InvalidOptionError(
      'url',
      'that of a cluster looks like redis+cluster://user:password@host:6379,host:6379/space, with special characters as %XX',
    );
  return {
    cluster: nodes.split(','),
    ...(space && { space: decoded(space) }),
    ...(username && { username: decoded(username) }),
    ...(password && { password: decoded(password) }),
    ...(s === 's' && { tls: {} }),
  };
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new InvalidOptionError('url', 'a % in it must begin an encoding such as %40');
  }
};

export interface ClusterNode {
  host: string;
  port: number;
}

/** `host:port`, an IPv6 address with or without brackets; without a host, as some clusters say it, the one given. */
export const readNode = (text: string, sameHost?: string): ClusterNode | null => {
  const match = /^\s*(?:\[([\da-f:.]+)\]|([^\s[\]]*?))(?::(\d{1,5}))?(?:@\d+)?\s*$/i.exec(text);
  const host = match?.[1] || match?.[2] || sameHost;
  const port = Number(match?.[3] ?? 6379);
  return host && port > 0 && port < 65_536 ? { host, port } : null;
};

/** The nodes to begin with, and the space. @throws InvalidOptionError */
export const planCluster = (address: ClusterAddress): { nodes: ClusterNode[]; space: string } => {
  const nodes = address.cluster.map((text) => {
    // A whole URL, by mistake, may hold a password, and errors name hosts.
    const isUrl = text.includes('@');
    const node = isUrl ? null : readNode(text);
    if (!node)
      throw new InvalidOptionError(
        'cluster',
        `${isUrl ? 'one that holds a user' : JSON.stringify(text)} is not of the form host:port`,
      );
    return node;
  });
  if (nodes.length === 0) throw new InvalidOptionError('cluster', 'it must name at least one node');
  if (address.space === undefined)
    throw new InvalidOptionError(
      'url',
      'on a cluster it must name a space, as in redis+cluster://host:6379/<queue>: what is under one hash tag. See docs/cluster.md',
    );
  return { nodes, space: checkSpace(address.space) };
};

/**
 * A brace would end the hash tag early, and an empty one is none: keys would lie in many slots.
 *
 * @throws InvalidOptionError
 */
export const checkSpace = (space: string): string => {
  if (!/^[^{}\s\p{Cc}]{1,200}$/u.test(space))
    throw new InvalidOptionError(
      'space',
      `${JSON.stringify(space)} must be 1 to 200 characters without braces, white space and control characters`,
    );
  return space;
};
