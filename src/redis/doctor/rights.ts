import type { Redis } from 'ioredis';
import { v4 as uuid } from 'uuid';
import { aclRules } from '../acl.js';
import { tagOf } from '../scan.js';
import { type Diagnosis, fine } from './finding.js';

/**
 * Every command that rxrq sends, in scripts and outside of them, with arguments that would be valid. `test/redis/doctor.test.ts`
 * holds the list against the scripts and the sources.
 */
export const neededCommands = (id: string, tag = ''): ReadonlyArray<readonly string[]> => {
  const hash = `rq:job:${id}`;
  const [list, set, sorted, stream] = [
    `rq:queue:${id}`,
    `rq:workers:${id}`,
    `rq:wip:${id}`,
    `rxrq:events:${id}`,
  ];
  return [
    ['GET', hash],
    ['SET', `rxrq:reply:${id}`, '1', 'XX'],
    ['STRLEN', hash],
    ['DEL', hash],
    ['EXISTS', hash],
    ['TYPE', hash],
    ['TTL', hash],
    ['PTTL', hash],
    ['EXPIRE', hash, '1'],
    ['PEXPIRE', hash, '1'],
    ['EXPIREAT', hash, '1'],
    ['PERSIST', hash],
    ['SCAN', '0', 'COUNT', '1'],
    ['HGET', hash, 'f'],
    ['HMGET', hash, 'f'],
    ['HGETALL', hash],
    ['HEXISTS', hash, 'f'],
    ['HSET', hash, 'f', 'v'],
    ['HSETNX', hash, 'f', 'v'],
    ['HDEL', hash, 'f'],
    ['HINCRBY', hash, 'f', '1'],
    ['HINCRBYFLOAT', hash, 'f', '1'],
    ['HLEN', hash],
    ['HSCAN', hash, '0'],
    ['HSTRLEN', hash, 'f'],
    ['LLEN', list],
    ['LRANGE', list, '0', '0'],
    ['LINDEX', list, '0'],
    ['LPUSH', list, 'x'],
    ['RPUSH', list, 'x'],
    ['LPOP', list],
    ['LPOS', list, 'x'],
    ['LSET', list, '0', 'x'],
    ['LREM', list, '1', 'x'],
    ['LTRIM', list, '0', '0'],
    ['LMOVE', list, list, 'LEFT', 'LEFT'],
    ['BLMOVE', list, list, 'LEFT', 'LEFT', '1'],
    ['SADD', set, 'x'],
    ['SREM', set, 'x'],
    ['SPOP', set],
    ['SSCAN', set, '0'],
    ['SCARD', set],
    ['SISMEMBER', set, 'x'],
    ['SMEMBERS', set],
    ['ZADD', sorted, '1', 'x'],
    ['ZREM', sorted, 'x'],
    ['ZPOPMIN', sorted, '0'],
    ['ZCARD', sorted],
    ['ZCOUNT', sorted, '0', '1'],
    ['ZSCORE', sorted, 'x'],
    ['ZRANGE', sorted, '0', '0'],
    ['ZRANGEBYSCORE', sorted, '0', '1'],
    ['ZREVRANGE', sorted, '0', '0'],
    ['ZREVRANGEBYSCORE', sorted, '1', '0'],
    ['ZREMRANGEBYSCORE', sorted, '0', '0'],
    ['ZREMRANGEBYRANK', sorted, '0', '0'],
    ['ZSCAN', sorted, '0'],
    ['XADD', stream, '*', 'f', 'v'],
    ['XLEN', stream],
    ['XRANGE', stream, '-', '+', 'COUNT', '1'],
    ['XREVRANGE', stream, '+', '-', 'COUNT', '1'],
    ['XREAD', 'COUNT', '1', 'STREAMS', stream, '$'],
    ['XTRIM', stream, 'MAXLEN', '1'],
    ['XINFO', 'STREAM', stream],
    ['PUBLISH', `${tag}rq:pubsub:${id}`, ''],
    ['EVALSHA', '0'.repeat(40), '0'],
    ['EVAL', 'return 1', '0'],
    ['TIME'],
    ['INFO'],
    ['PING'],
  ];
};

/**
 * Commands that this user may not send, or not for RQ's keys. Each is queued in a transaction that is never executed:
 * Redis checks rights when it queues, so nothing runs, and that also where `ACL DRYRUN` is not allowed or not there.
 */
export const deniedCommands = async (redis: Redis): Promise<string[]> => {
  // Without a transaction what follows would run.
  const probe = await redis.pipeline().call('MULTI').call('DISCARD').exec();
  if (probe?.[0]?.[0]) return ['MULTI'];
  const commands = neededCommands(uuid(), tagOf(redis));
  // One write on the wire: a connection that breaks in between can leave no command outside of the transaction.
  const pipeline = redis.pipeline();
  pipeline.call('MULTI');
  for (const [name = '', ...args] of commands) pipeline.call(name, ...args);
  pipeline.call('DISCARD');
  const replies = (await pipeline.exec()) ?? [];
  const denied: string[] = [];
  commands.forEach(([name = ''], at) => {
    const message = replies[at + 1]?.[0]?.message ?? '';
    if (/^(NOPERM|NOAUTH|ERR unknown command)/.test(message))
      denied.push(/key/.test(message) ? `${name} (keys)` : name);
  });
  return denied;
};

export const judgeRights = (denied: readonly string[], space: string | null = null): Diagnosis => {
  const check = 'rights';
  if (denied.length === 0) return fine(check, 'every command that rxrq sends is allowed');
  return {
    check,
    level: 'problem',
    what: `refused: ${denied.join(' ')}`,
    why: 'a transition that lacks one of its commands writes nothing, and its jobs stand still',
    remedy: `for a worker: ACL SETUSER <name> ${aclRules('worker', space === null ? {} : { space }).join(' ')} (for others docs/security.md)`,
  };
};
