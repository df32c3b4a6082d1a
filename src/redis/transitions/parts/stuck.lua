-- What is to be done about an entry of `rq:deferred`: nothing; 'forget' it, because its job waits for nobody; 'free'
-- it, because all that it waits for has ended and nobody freed it, or its status is none; 'mark' it, because a parent ended otherwise
-- than it wants. Two things more than the release asks for: it must be known what it waits for, and a parent
-- that is gone must not be one that is known to have ended badly.
local function judgeDeferred(id, job)
  if not job.status then return redis.call('EXISTS', jobPrefix .. id) == 0 and 'forget' end
  if not job.isKnown then return 'free', parentsOf(id, job.named) end
  if not isDeferred(id, job) then return job.status ~= 'created' and job.status ~= 'ready_to_enqueue' and 'forget' end
  local parents, verdict, unmet = parentsOf(id, job.named), 'free', ' ' .. job.unmet .. ' '
  if not parents[1] then return false end
  for _, parent in ipairs(parents) do
    local status = statusOfParent(parent)
    local isMarked = string.find(unmet, ' ' .. parent .. ' ', 1, true)
    if type(status) ~= 'string' then
      if isMarked then verdict = verdict == 'mark' and verdict end
    elseif status == 'failed' and not job.allowsFailure or status == 'stopped' or status == 'canceled' then
      verdict = not isMarked and 'mark' or verdict == 'mark' and verdict
    elseif status ~= 'finished' and status ~= 'failed' then
      verdict = verdict == 'mark' and verdict
    end
  end
  return verdict, parents
end
