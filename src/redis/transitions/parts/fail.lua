-- names: failedPrefix
-- The one way into the FailedQueue: status, place, order of quarantine, lifetime.
-- `q` holds the queue's keys; `excInfo` is RQ's traceback text, plain or deflated; `status` is `failed` unless said.
-- The caller frees the dependents, with `freeDependents`.
local function quarantine(q, failedQueueKey, jobKey, id, reason, excInfo, failureTtl, status)
  note(q.events, 60, 'quarantined', { jobId = printable(id), reason = string.sub(reason, 1, 500) })
  failedNow[#failedNow + 1], failedNow[id] = id, status
  if failureTtl == 0 then
    forget(jobKey, id)
    return
  end
  redis.call('HSET', jobKey, 'status', status or 'failed', 'ended_at', nowText)
  if excInfo then redis.call('HSET', jobKey, 'exc_info', excInfo) end
  redis.call('HDEL', jobKey, 'x_exec')
  -- As RQ has it, of its origin: somebody may have moved its id to another queue, and Python requeues from nowhere else.
  local origin = redis.call('HGET', jobKey, 'origin')
  local registry = origin and origin ~= '' and failedPrefix .. origin
  if not registry or misfit(registry, 'zset') then registry = q.failed end
  if failureTtl < 0 then
    redis.call('PERSIST', jobKey)
    redis.call('ZADD', registry, -1, id)
  else
    redis.call('EXPIRE', jobKey, failureTtl)
    redis.call('ZADD', registry, nowSeconds + failureTtl, id)
  end
  redis.call('RPUSH', failedQueueKey, id)
end
