-- uses: clock
-- A worker leaves: out of the sets at once, its hash for a minute, as RQ's does.
-- KEYS  1 worker hash   2 rq:workers   then rq:workers:<queue> for each queue
-- Returns 1.
for n = 2, #KEYS do redis.pcall('SREM', KEYS[n], KEYS[1]) end
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'death', nowText)
  redis.call('EXPIRE', KEYS[1], 60)
end
return 1
