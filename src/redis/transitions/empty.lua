-- uses: clock types statuses elsewhere standing log events notes rate-limit
-- Deletes the jobs at the head of a queue, a bounded number a call, so that Redis is never held for long.
-- KEYS  1 queue list   2 events
-- ARGV  1 job prefix   2 event log length   3 how many at most
-- Returns how many ids were taken; fewer than asked for means that the queue is empty.
local wrong = misfit(KEYS[1], 'list') or misfit(KEYS[2], 'stream')
if wrong then return typeError(wrong) end
local ids = redis.call('LPOP', KEYS[1], ARGV[3])
if not ids then return 0 end
local name = string.sub(KEYS[1], #queuePrefix + 1)
for _, id in ipairs(ids) do
  -- An id that stands here although its job runs, or has ended, is a leftover; and what is no id names other keys.
  local f = string.find(id, '^[A-Za-z0-9_-]+$') and redis.pcall('HMGET', ARGV[1] .. id, 'status', 'rate_limit_key', 'x_exec')
  if f and not f.err and standsInList(name, id, f[1], f[3]) and redis.call('DEL', ARGV[1] .. id, ARGV[1] .. id .. ':dependents', ARGV[1] .. ':' .. id .. ':dependencies') > 0 then
    note(KEYS[2], 60, 'deleted', { jobId = printable(id) })
    leaveLimit(f[2], id)
  end
end
appendEvents('', ARGV[2])
return #ids
