-- uses: clock types
-- A worker's sign of life, with its whole record, so that a hash that expired comes back complete and a key
-- that a cleaner removed from the sets comes back at all (RQ's workers never return).
-- KEYS  1 worker hash   2 mailbox   3 rq:workers   then rq:workers:<queue> for each queue
-- ARGV  1 ttl, s   2 birth or ''   3 state   4 current job or ''   5 how long it runs, s   then field, value, …
-- Returns 0 at a birth that finds a living worker of this name, else 1.
local wrong = misfit(KEYS[1], 'hash')
for n = 3, #KEYS do wrong = wrong or misfit(KEYS[n], 'set') end
if wrong then return typeError(wrong) end
-- First, because over maxmemory only a script that begins with a harmless write passes.
redis.call('SREM', KEYS[3], '')
if ARGV[2] == 'birth' then
  if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HEXISTS', KEYS[1], 'death') == 0 then return 0 end
  -- What was meant for the dead one of this name is not for us.
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'birth', nowText)
elseif redis.call('HEXISTS', KEYS[1], 'death') == 1 then
  -- A beat that was under way when it left would list it again, for as long as its record lives.
  return 1
end
redis.call('HSET', KEYS[1], 'last_heartbeat', nowText, 'state', ARGV[3], unpack(ARGV, 6))
if ARGV[4] == '' then redis.call('HDEL', KEYS[1], 'current_job', 'current_job_working_time')
else redis.call('HSET', KEYS[1], 'current_job', ARGV[4], 'current_job_working_time', ARGV[5]) end
redis.call('HSETNX', KEYS[1], 'birth', nowText)
redis.call('EXPIRE', KEYS[1], ARGV[1])
for n = 3, #KEYS do redis.call('SADD', KEYS[n], KEYS[1]) end
return 1
