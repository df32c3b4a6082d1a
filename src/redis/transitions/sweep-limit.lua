-- uses: clock types statuses elsewhere log events notes rate-limit
-- Takes back slots of one rate limit that jobs hold no more: those of workers that know no limits (Python before 3), of
-- jobs that expired in their queue, and of others whose end nobody told. Then those that wait get them.
-- names: wipPrefix
-- ARGV  1 key of the limit   2 event log length   3 how many slots are looked at   4 how many of those that wait
-- Returns how many were taken back; nothing is done where a key has a wrong type.
local key = ARGV[1]
if limitFault(key) then return 0 end
local _, allowed, waiting = slotKeys(key)

local taken = 0
for _, id in ipairs(redis.call('ZRANGE', allowed, 0, ARGV[3])) do
  local f = redis.pcall('HMGET', jobPrefix .. id, 'status', 'rate_limit_key', 'origin')
  -- A canceled job may still run: its worker has not seen to it yet. One that has ended may say again what it was: RQ's `save()`.
  local name = f[3] or ''
  local isLive = f[1] == 'queued' or f[1] == 'started'
  local holds = not f.err and f[2] == key and (isLive and (not endIn(name, id) or waitsIn(name, id))
    or (isLive or f[1] == 'canceled') and isHeld(wipPrefix .. name, id))
  if not holds then
    redis.call('ZREM', allowed, id)
    taken = taken + 1
  end
end
-- What waited and expired, or was taken away by somebody who knows no limits, would stand in the way of an audit.
for _, id in ipairs(redis.call('ZRANGE', waiting, 0, ARGV[4])) do
  local f = redis.pcall('HMGET', jobPrefix .. id, 'status', 'origin')
  if not f[1] or not isLimited(f[1], f[2] or '', id) then redis.call('ZREM', waiting, id) end
end
promote(key, '')
appendEvents('', ARGV[2])
return taken
