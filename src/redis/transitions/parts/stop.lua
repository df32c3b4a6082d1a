-- A job that somebody stopped while it ran: where failed jobs are, under RQ's status for it. Its retries are left
-- alone and its dependents wait: it was not to go on. Returns how long it is kept, in seconds.
local function stop(q, failedQueueKey, jobKey, id, execution, reason, excInfo, defaultTtl)
  local ttl = integer(redis.call('HGET', jobKey, 'failure_ttl')) or defaultTtl
  note(q.events, 35, 'stopped', { jobId = id, execution = execution })
  quarantine(q, failedQueueKey, jobKey, id, reason, excInfo, ttl, 'stopped')
  return ttl
end
