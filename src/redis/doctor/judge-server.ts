import { type Diagnosis, fine } from './finding.js';
import type { ServerReading } from './read-server.js';

/** Everything about the server that a queue depends on. Pure. */
export const judgeServer = (reading: ServerReading): Diagnosis[] => [
  judgeVersion(reading),
  judgeMode(reading),
  judgeRole(reading),
  judgeConnections(reading),
  judgeClock(reading),
  judgeHashes(reading),
];

const number = (text: string | undefined): number => Number(text ?? Number.NaN);

const judgeVersion = ({ info }: ServerReading): Diagnosis => {
  const check = 'redis-version';
  const isValkey = info.server_name === 'valkey';
  const version = (isValkey ? info.valkey_version : undefined) ?? info.redis_version ?? '?';
  const what = `${isValkey ? 'Valkey' : 'Redis'} ${version}, no modules needed`;
  // Valkey says which Redis it is compatible with.
  const [major = 0, minor = 0] = (info.redis_version ?? '').split('.').map(Number);
  if (major > 6 || (major === 6 && minor >= 2)) return fine(check, what);
  return {
    check,
    level: 'problem',
    what: `Redis ${version}`,
    why: 'rxrq waits with BLMOVE, which came with Redis 6.2',
    remedy: 'use Redis 6.2 or newer, or Valkey',
  };
};

const judgeMode = ({ info, space }: ServerReading): Diagnosis => {
  const check = 'redis-mode';
  const { redis_mode: mode = 'standalone' } = info;
  if (mode === 'standalone' && info.cluster_enabled !== '1') return fine(check, 'one server');
  if (typeof space === 'string') return fine(check, `the space ${space} of a Redis Cluster`);
  if (mode === 'sentinel')
    return {
      check,
      level: 'problem',
      what: 'this is a sentinel',
      why: 'it knows where Redis is and keeps no jobs',
      remedy: 'name it with --sentinel',
    };
  return {
    check,
    level: 'problem',
    what: 'this is a Redis Cluster',
    why: "RQ's keys of one job lie in several slots, and one transaction cannot span them",
    remedy:
      'name a space of it: redis+cluster://host:port/space, without Python (docs/cluster.md); or use one server',
  };
};

const judgeRole = ({ info }: ServerReading): Diagnosis => {
  const check = 'redis-role';
  const replicas = number(info.connected_slaves);
  if (info.role === 'master' && replicas > 0)
    return {
      check,
      level: 'note',
      what: `a primary with ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`,
      why: 'replication is asynchronous: a failover may forget the last moves of jobs, which then run again',
      remedy:
        'handlers that may run twice; min-replicas-to-write 1 refuses writes that nobody else has',
    };
  if (info.role === 'master') return fine(check, 'a primary');
  return {
    check,
    level: 'problem',
    what: `a replica of ${info.master_host}:${info.master_port}`,
    why: 'every transition of a job writes, and a replica does not take writes',
    remedy: 'give the address of the primary, or of the sentinels',
  };
};

const judgeConnections = ({ info, config }: ServerReading): Diagnosis => {
  const check = 'connections';
  const [connected, most] = [number(info.connected_clients), number(info.maxclients)];
  const what = `${connected} of ${Number.isNaN(most) ? '?' : most} clients`;
  if (connected / most > 0.8)
    return {
      check,
      level: 'warning',
      what,
      why: 'workers that cannot connect do nothing, and leases of those that lose their connection run out',
      remedy: 'raise maxclients, or look for clients that are never closed',
    };
  if (config && number(config.timeout) > 0)
    return {
      check,
      level: 'note',
      what: `${what}; timeout is ${config.timeout} s`,
      why: 'Redis closes connections that were idle for so long; Python programs meet that as ConnectionError',
      remedy: 'CONFIG SET timeout 0',
    };
  if (config && number(config['tcp-keepalive']) === 0)
    return {
      check,
      level: 'note',
      what: `${what}; tcp-keepalive is off`,
      why: 'connections of hosts that vanished stay, and count as clients, for hours',
      remedy: 'CONFIG SET tcp-keepalive 300',
    };
  return fine(check, what);
};

const judgeClock = ({ skewMs, roundTripMs }: ServerReading): Diagnosis => {
  const check = 'clock';
  const off = Math.abs(skewMs) - roundTripMs / 2;
  const what = `this host is ${(Math.abs(skewMs) / 1_000).toFixed(1)} s ${skewMs > 0 ? 'ahead of' : 'behind'} Redis`;
  if (off < 1_000) return fine(check, 'this host and Redis agree');
  return {
    check,
    level: off < 5_000 ? 'note' : off < 30_000 ? 'warning' : 'problem',
    what,
    why: "rxrq goes by Redis' clock, but Python RQ by that of each host: schedules fire off time, and above 60 s running jobs are taken for abandoned",
    remedy: 'run NTP on every host',
  };
};

const judgeHashes = ({ config }: ServerReading): Diagnosis => {
  const check = 'job-hashes';
  // Before Redis 7 it was called ziplist.
  const value = number(config?.['hash-max-listpack-value'] ?? config?.['hash-max-ziplist-value']);
  const entries = number(
    config?.['hash-max-listpack-entries'] ?? config?.['hash-max-ziplist-entries'],
  );
  if (!config) return fine(check, 'CONFIG may not be read; a hosted Redis has its own settings');
  if (value >= 512 && entries >= 64) return fine(check, `compact up to ${value} bytes a field`);
  return {
    check,
    level: 'note',
    what: `hashes are compact up to ${value} bytes a field and ${entries} fields`,
    why: 'one longer payload turns a job into a table, which takes twice the memory',
    remedy: 'CONFIG SET hash-max-listpack-value 1024 (and entries 128), where memory counts',
  };
};
