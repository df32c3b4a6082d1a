-- uses: clock types statuses elsewhere log events notes ended parents dependents
-- Puts jobs on their queue that RQ 3 released and then did not queue: it does so in two steps. Atomic, and RQ
-- watches both keys: of the two exactly one queues a job.
-- KEYS  1 ready
-- ARGV  1 event log length   2 how many at most
-- Returns how many jobs were queued.
local wrong = misfit(KEYS[1], 'zset')
if wrong then return typeError(wrong) end
local drained = 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[2] - 1)) do
  local job = lookAt(id, 'ready_to_enqueue')
  if not job.status or hasEndedAs(job.status, job.origin or '', id) or job.status ~= 'ready_to_enqueue' and isUnderWay(job.origin or '', id) then redis.call('ZREM', KEYS[1], id)
  elseif free(id, job, parentsOf(id, job.named), '') then
    redis.call('ZREM', KEYS[1], id)
    drained = drained + 1
  end
end
appendEvents('', ARGV[1])
return drained
