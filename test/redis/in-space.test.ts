import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const rooms = ['transitions', 'transitions/parts', 'audit'].map(
  (room) => new URL(`../../src/redis/${room}/`, import.meta.url),
);
const scripts = rooms.flatMap((room) =>
  readdirSync(room)
    .filter((name) => name.endsWith('.lua') && name !== 'in-space.lua')
    .map((name) => ({ name, source: readFileSync(new URL(name, room), 'utf8') })),
);

/** Their first argument is a key, or a channel, and no other one is. */
const oneKey = new Set(
  (
    'EXPIRE EXPIREAT GET HDEL HEXISTS HGET HGETALL HINCRBY HINCRBYFLOAT HLEN HMGET HSET HSETNX HSTRLEN INCR LINDEX LLEN LPOP ' +
    'LPOS LPUSH LRANGE LREM LSET LTRIM PERSIST PEXPIRE PEXPIREAT PTTL PUBLISH RPUSH RPOP SADD SCARD SET SISMEMBER SMEMBERS ' +
    'SPOP SREM SSCAN STRLEN TTL TYPE XADD XLEN XRANGE XREVRANGE XTRIM ZADD ZCARD ZCOUNT ZPOPMIN ZRANGE ZRANGEBYSCORE ZRANK ' +
    'ZREM ZREMRANGEBYRANK ZREMRANGEBYSCORE ZSCAN ZSCORE'
  ).split(' '),
);
/** `parts/in-space.lua` knows these. */
const other = new Set(['DEL', 'EXISTS', 'TIME']);

describe('the transitions on a cluster', () => {
  it.each(scripts)('$name calls nothing whose keys its tag would not reach', ({ source }) => {
    const code = source.replace(/--.*$/gm, '');
    const calls = [...code.matchAll(/(?:redis\.p?call|attempt)\(([^,)]+)/g)];
    const odd = calls.flatMap(([, first]) => {
      // `types.lua` chooses the command that asks for a size, and `attempt` of `refusals.lua` is seen where it is called; elsewhere
      // one of two names may stand there.
      const commands =
        first === 'ask' || first === 'command' ? [] : (first?.match(/'[A-Z]+'/g) ?? [first]);
      return commands.filter((word) => {
        const command = word?.slice(1, -1) ?? '';
        return !oneKey.has(command) && !other.has(command);
      });
    });
    expect(odd).toEqual([]);
    expect(code.match(/redis\.p?call\b(?!\()/g)).toBeNull();
  });
});
