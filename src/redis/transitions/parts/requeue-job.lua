-- A job that somebody wants to run once more: onto its queue, clean of its last run. Whoever calls this has taken it out
-- of where it was, and looked at the types of the keys.
local function requeueJob(jobKey, id, ttlText, list, queuesKey, events, atFront)
  -- It must not expire with what it was while it waits.
  redis.call('PERSIST', jobKey)
  redis.call('PERSIST', jobKey .. ':dependents')
  local held = redis.call('HMGET', jobKey, 'x_exec', 'x_attempt')
  redis.call('HDEL', jobKey, 'started_at', 'ended_at', 'exc_info', 'result', 'x_exec', 'x_recoveries', 'x_passes', 'x_passed')
  redis.call('HSET', jobKey, 'status', 'queued', 'enqueued_at', nowText)
  -- Of a job that was claimed ahead the handler may have begun untold: the next run needs a fence of its own.
  if held[1] then redis.call('HSET', jobKey, 'x_attempt', (integer(held[2]) or 0) + 1) end
  local ttl = integer(ttlText)
  if ttl and ttl > 0 then redis.call('EXPIRE', jobKey, ttl) end
  redis.call('SADD', queuesKey, list)
  redis.call(atFront and 'LPUSH' or 'RPUSH', list, id)
  note(events, 50, 'requeued', { jobId = printable(id) })
end
