-- uses: types
-- Drops ids from a group whose jobs are gone, each judged as it is dropped: a job of that id may have come back.
-- KEYS  1 the group's set   2 rq:groups
-- ARGV  1 job prefix   2 group   then ids
-- Returns how many were dropped.
local wrong = misfit(KEYS[1], 'set') or misfit(KEYS[2], 'set')
if wrong then return typeError(wrong) end
local dropped = 0
for i = 3, #ARGV do
  if redis.call('EXISTS', ARGV[1] .. ARGV[i]) == 0 then dropped = dropped + redis.call('SREM', KEYS[1], ARGV[i]) end
end
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[2]) end
return dropped
