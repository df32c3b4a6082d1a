-- uses: clock types
-- A cron process's sign of life, with its whole record, so that one that expired or was pruned comes back complete.
-- KEYS  1 rq:cron_schedulers   2 rq:cron_scheduler:<name>
-- ARGV  1 name   2 time to live, s   3 'birth' or ''   then field, value, …
-- Returns the time of Redis in ms.
local wrong = misfit(KEYS[1], 'zset') or misfit(KEYS[2], 'hash')
if wrong then return typeError(wrong) end
-- First, because over maxmemory only a script that begins with a harmless write passes. RQ prunes when it lists.
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, nowSeconds - ARGV[2])
if ARGV[3] == 'birth' then redis.call('DEL', KEYS[2]) end
redis.call('ZADD', KEYS[1], string.format('%d.%06d', nowSeconds, nowMicros), ARGV[1])
redis.call('HSET', KEYS[2], unpack(ARGV, 4))
redis.call('HSETNX', KEYS[2], 'created_at', nowText)
redis.call('EXPIRE', KEYS[2], ARGV[2])
return nowMs
