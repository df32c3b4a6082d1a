-- A started job that nobody runs any more: to the head of its queue while it may run again, else to the
-- FailedQueue. RQ's retries decide where the job has some, else how often it was recovered.
local function bringBack(q, failedQueueKey, jobKey, id, execution, retries, recovered, keptFor, allowed, failureTtl)
  local isOther, born = forgetEarlierLife(jobKey)
  local recoveries, retriesLeft = not isOther and integer(recovered) or 0, integer(retries)
  if retriesLeft and retriesLeft > 0 or not retriesLeft and recoveries < allowed then
    redis.call('PERSIST', jobKey)
    redis.call('HSET', jobKey, 'status', 'queued', 'enqueued_at', nowText, 'x_recoveries', recoveries + 1, 'x_born', born)
    if retriesLeft then redis.call('HSET', jobKey, 'retries_left', retriesLeft - 1) end
    redis.call('LPUSH', q.list, id)
    note(q.events, 75, 'recovered', { jobId = printable(id), execution = printable(execution), recoveries = recoveries + 1 })
    return 'r'
  end
  -- RQ's own words, which its users search for.
  local at = string.gsub(string.sub(nowText, 1, 26), 'T', ' ') .. '+00:00'
  local text = 'Moved to FailedJobRegistry, due to AbandonedJobError, at ' .. at
  quarantine(q, failedQueueKey, jobKey, id, 'abandoned: its worker died and it may not be recovered again', text, integer(keptFor) or failureTtl)
  return 'q'
end
