-- uses: clock types elsewhere standing
-- Takes an id out of a registry where its job does not belong (any more). Atomic with the look at the job: without
-- its entry a job that does belong there would be in no place. RQ's `save()` may have written back what it was before.
-- KEYS  1 the registry   2 job
-- ARGV  1 id   2 whether it is the started registry, which holds executions 0/1   then the statuses of jobs that belong there
-- Returns the job's status when it belongs there, or what it stands as, and nothing was done; '' when there was no such entry,
--         else 'removed'.
local wrong = misfit(KEYS[1], 'zset')
if wrong then return typeError(wrong) end
local id, wanted = ARGV[1], ARGV[3]
local name = string.match(KEYS[1], '^[^:]*:[^:]*:(.*)$')
local f = redis.pcall('HMGET', KEYS[2], 'status', 'x_exec')
local status = not f.err and f[1]
for i = 3, #ARGV do
  if status == ARGV[i] then return status end
end
-- Claimed ahead, and says `queued` until its handler begins.
if ARGV[2] == '1' and status == 'queued' and f[2] and redis.call('ZSCORE', KEYS[1], id .. ':' .. f[2]) then return status end
local isJob = status and redis.call('HEXISTS', KEYS[2], 'data') == 1
if isJob and ARGV[2] == '1' then
  if isHeld(KEYS[1], id) and not endIn(name, id) and not waitsIn(name, id) then return wanted end
elseif isJob and redis.call('ZSCORE', KEYS[1], id) then
  if endOf[wanted] and standsAsEnded(wanted, name, id, status) or registryOf[wanted] and standsAs(wanted, name, id, status) then return wanted end
end
local removed = redis.call('ZREM', KEYS[1], id)
if ARGV[2] == '1' then
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if string.sub(member, 1, #id + 1) == id .. ':' then removed = removed + redis.call('ZREM', KEYS[1], member) end
  end
end
return removed > 0 and 'removed' or ''
