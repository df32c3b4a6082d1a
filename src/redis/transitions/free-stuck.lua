-- uses: clock types statuses elsewhere log events notes ended parents dependents stuck
-- Frees jobs that wait for nothing any more, after another look: whoever seemed to have forgotten them may have
-- come back. Entries of a job that is not deferred are dropped.
-- KEYS  1 deferred
-- ARGV  1 event log length   then ids
-- Returns how many jobs were freed.
local wrong = misfit(KEYS[1], 'zset')
if wrong then return typeError(wrong) end
-- First, because over maxmemory only a script that begins with a harmless write passes.
redis.call('ZREM', KEYS[1], '')
local freed = 0
for i = 2, #ARGV do
  local id = ARGV[i]
  local job = lookAt(id, 'deferred')
  -- The registry knows where a job belongs that does not say so itself.
  if not job.origin or job.origin == '' or job.origin == 'failed' then job.origin = string.sub(KEYS[1], #deferredPrefix + 1) end
  local verdict, parents = judgeDeferred(id, job)
  if verdict == 'forget' then redis.call('ZREM', KEYS[1], id)
  elseif verdict == 'free' and free(id, job, parents, '') then
    redis.call('ZREM', KEYS[1], id)
    freed = freed + 1
  elseif verdict == 'mark' then
    for _, parent in ipairs(parents) do
      local status = statusOfParent(parent)
      if status == 'failed' and not job.allowsFailure or status == 'stopped' or status == 'canceled' then mark(id, job, parent, true) end
    end
  end
end
appendEvents('', ARGV[1])
return freed
