-- uses: clock types elsewhere
-- Removes executions from `rq:wip` whose jobs have ended. RQ 2 leaves one when a dependent comes while the parent
-- finishes, and its cleaners fail the finished job by it once its time is up. A living execution is renewed long
-- before that.
-- KEYS  1 wip
-- ARGV  1 how long before its time, s   2 how many are looked at
-- Returns how many were removed.
local wrong = misfit(KEYS[1], 'zset')
if wrong then return typeError(wrong) end
local name, dropped = string.sub(KEYS[1], #wipPrefix + 1), 0
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], 0, nowSeconds + ARGV[1], 'LIMIT', 0, ARGV[2])) do
  local id = string.match(member, '^[^:]*')
  local status = redis.pcall('HGET', jobPrefix .. id, 'status')
  if status ~= 'canceled' and hasEndedAs(status, name, id) then dropped = dropped + redis.call('ZREM', KEYS[1], member) end
end
return dropped
