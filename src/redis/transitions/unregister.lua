-- uses: types
-- Takes an id out of a registry where its job does not belong (any more). Atomic with the look at the job: without
-- its entry a job that does belong there would be in no place.
-- KEYS  1 the registry   2 job
-- ARGV  1 id   2 whether it is the started registry, which holds executions 0/1   then the statuses of jobs that belong there
-- Returns the job's status when it belongs there, and nothing was done; '' when there was no such entry, else 'removed'.
local wrong = misfit(KEYS[1], 'zset')
if wrong then return typeError(wrong) end
local id = ARGV[1]
local f = redis.pcall('HMGET', KEYS[2], 'status', 'x_exec')
local status = not f.err and f[1]
for i = 3, #ARGV do
  if status == ARGV[i] then return status end
end
-- Claimed ahead, and says `queued` until its handler begins.
if ARGV[2] == '1' and status == 'queued' and f[2] and redis.call('ZSCORE', KEYS[1], id .. ':' .. f[2]) then return status end
local removed = redis.call('ZREM', KEYS[1], id)
if ARGV[2] == '1' then
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if string.sub(member, 1, #id + 1) == id .. ':' then removed = removed + redis.call('ZREM', KEYS[1], member) end
  end
end
return removed > 0 and 'removed' or ''
