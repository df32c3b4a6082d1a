import { checkSpace } from './cluster-address.js';
import { InvalidOptionError } from './errors.js';
import { asPattern } from './scan.js';

/**
 * What a process is to Redis. `producer` enqueues, waits for results, cancels and deletes; `worker` runs jobs, with
 * scheduler and upkeep; `cron` enqueues by the clock; `reader` looks and writes nothing; `auditor` is a reader whose scripts
 * may look at many keys at one moment; `operator` is a person with `rxrq`: all of this, and commands to workers; `python` is any
 * process of Python RQ beside them.
 */
export type AclRole = (typeof aclRoles)[number];

export const aclRoles = [
  'producer',
  'worker',
  'cron',
  'reader',
  'auditor',
  'operator',
  'python',
] as const;

// A Lua script has the rights of its caller: each role needs what its scripts call.
const connection = 'ping info select time client|setname client|info client|id client|unblock';
const look =
  'get strlen exists type ttl pttl scan hget hmget hgetall hexists hlen hstrlen hscan llen lrange lindex lpos ' +
  'scard sismember smembers sscan zcard zcount zscore zrange zrangebyscore zrevrange zrevrangebyscore zscan ' +
  'xlen xrange xrevrange xread xinfo|stream';
const scripts = 'eval evalsha';
const write =
  'set del expire pexpire expireat persist hset hsetnx hdel hincrby hincrbyfloat lpush rpush lpop lset lrem ltrim lmove ' +
  'sadd srem spop zadd zrem zremrangebyscore zremrangebyrank zpopmin xadd xtrim';

const jobKeys = [
  // The queues' own, and the jobs'.
  ...['queues', 'queue:*', 'job:*', 'scheduled:*', 'deferred:*', 'failed:*', 'finished:*'],
  ...['canceled:*', 'results:*', 'groups', 'group:*', 'wip:*', 'executions:*', 'execution:*'],
  ...['rl-keys', 'rl:*'],
].map((name) => `~rq:${name}`);

const grants: Record<AclRole, { commands: string; keys: readonly string[] }> = {
  producer: {
    commands: `${look} ${write} ${scripts} wait`,
    keys: [
      ...jobKeys,
      ...['~rxrq:events:*', '~rxrq:unfreed', '~rxrq:leases:*', '~rxrq:cursor:*'],
      ...['%R~rq:workers', '%R~rq:workers:*', '%R~rq:worker:*', '%R~rq:suspended'],
      ...['%R~rxrq:paused:*', '%R~rq:ready:*'],
    ],
  },
  worker: {
    commands: `${look} ${write} ${scripts} blmove publish subscribe unsubscribe multi exec discard`,
    keys: ['~rq:*', '~rxrq:*'],
  },
  cron: {
    commands: `${look} ${write} ${scripts} multi exec discard`,
    keys: [
      ...['~rq:cron_*', '~rxrq:cron:*', '~rxrq:events:*'],
      ...['~rq:queues', '~rq:queue:*', '~rq:job:*', '~rq:scheduled:*', '~rq:groups', '~rq:group:*'],
      ...['~rq:rl-keys', '~rq:rl:*', '%R~rq:suspended', '%R~rxrq:paused:*'],
      // Where a job stands that waits for a slot, whatever it says.
      ...['deferred', 'ready', 'finished', 'failed', 'canceled', 'wip'].map(
        (place) => `%R~rq:${place}:*`,
      ),
    ],
  },
  reader: { commands: look, keys: ['%R~rq:*', '%R~rxrq:*'] },
  // Writes nothing either, as its scripts may not. Not for every reader: a script without end holds Redis up.
  auditor: { commands: `${look} ${scripts}`, keys: ['%R~rq:*', '%R~rxrq:*'] },
  operator: {
    commands: `${look} ${write} ${scripts} wait publish subscribe unsubscribe multi exec discard`,
    keys: ['~rq:*', '~rxrq:*'],
  },
  // What is ours alone it does not know. redis-py loads its scripts by SCRIPT LOAD, and a worker of RQ 1.x that may not
  // look for itself in CLIENT LIST does not start.
  python: {
    commands:
      `${look} ${write} ${scripts} script|load script|exists client|list hmset rename blpop blmove ` +
      'publish subscribe unsubscribe watch unwatch multi exec discard',
    keys: ['~rq:*'],
  },
};

// No channel for producers: a job that they cancel while it runs is noticed at its next heartbeat, and whoever may
// publish may also shut workers down.
const withChannels: readonly AclRole[] = ['worker', 'operator', 'python'];

/**
 * The least that a process of this role needs, as rules for `ACL SETUSER <name> …`. They begin by taking everything
 * away but passwords and on/off: put those in front. For Redis 7.0 and newer. With `space` for one of a Redis Cluster, to be
 * set on each of its nodes.
 *
 * @throws InvalidOptionError for a role that is none, and for Python in a space
 */
export const aclRules = (role: AclRole, { space }: { space?: string } = {}): string[] => {
  if (!Object.hasOwn(grants, role))
    throw new InvalidOptionError('role', `it is none of ${aclRoles.join(', ')}`);
  if (role === 'python' && space !== undefined)
    throw new InvalidOptionError('space', 'Python RQ knows none');
  const { commands, keys } = grants[role];
  const tag = space === undefined ? '' : asPattern(`{${checkSpace(space)}}:`);
  const ofCluster = space === undefined ? [] : ['cluster|slots'];
  return [
    ...['resetkeys', 'resetchannels', 'clearselectors', '-@all'],
    ...keys.map((key) => key.replace('~', `~${tag}`)),
    // Never there, and named by each script; EVAL names it as one that it may write.
    ...(space === undefined ? [] : [`${role === 'reader' ? '%R' : ''}~${tag}`]),
    ...(withChannels.includes(role) ? [`&${tag}rq:pubsub:*`] : []),
    ...[...`${connection} ${commands}`.split(' '), ...ofCluster].map((name) => `+${name}`),
  ];
};
