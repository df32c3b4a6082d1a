-- Takes ids off the FailedQueue's list whose jobs have not failed (any more), and all but the first entry of a job.
-- KEYS  1 FailedQueue list
-- ARGV  1 job prefix   2 how many entries to look at   then from which on, some times
-- Returns how many were dropped.
local nobody = ''
local seen, dropped = {}, 0
for n = 3, #ARGV do
  local first = tonumber(ARGV[n])
  for i, id in ipairs(redis.call('LRANGE', KEYS[1], first, first + ARGV[2] - 1)) do
    local at = first + i - 1
    local status = redis.pcall('HGET', ARGV[1] .. id, 'status')
    if status ~= 'failed' and status ~= 'stopped' or seen[id] and seen[id] ~= at then
      redis.call('LSET', KEYS[1], at, nobody)
      dropped = dropped + 1
    end
    seen[id] = seen[id] or at
  end
end
-- A removal goes through the whole list, which may be a million long: one for all.
if dropped > 0 then redis.call('LREM', KEYS[1], 0, nobody) end
return dropped
