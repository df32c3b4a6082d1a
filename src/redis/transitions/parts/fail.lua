-- The one way into the FailedQueue: status, place, order of quarantine, lifetime.
-- `q` holds the queue's keys; `excInfo` is RQ's traceback text, plain or deflated; `status` is `failed` unless said.
-- The caller frees the dependents, with `freeDependents`.
local function quarantine(q, failedQueueKey, jobKey, id, reason, excInfo, failureTtl, status)
  note(q.events, 60, 'quarantined', { jobId = printable(id), reason = string.sub(reason, 1, 500) })
  failedNow[#failedNow + 1], failedNow[id] = id, status
  if failureTtl == 0 then
    redis.call('DEL', jobKey)
    return
  end
  redis.call('HSET', jobKey, 'status', status or 'failed', 'ended_at', nowText)
  if excInfo then redis.call('HSET', jobKey, 'exc_info', excInfo) end
  redis.call('HDEL', jobKey, 'x_exec')
  if failureTtl < 0 then
    redis.call('PERSIST', jobKey)
    redis.call('ZADD', q.failed, -1, id)
  else
    redis.call('EXPIRE', jobKey, failureTtl)
    redis.call('ZADD', q.failed, nowSeconds + failureTtl, id)
  end
  redis.call('RPUSH', failedQueueKey, id)
end

-- Ten years: whoever waits longer has written nonsense, and JSON may even hold Infinity.
local longestDelay = 315360000

-- RQ's exception retry: `intervals[max(len - retries_left, 0)]`, evaluated before the decrement.
local function retryDelay(intervals, retriesLeft)
  if not intervals or #intervals > 65536 then return 0 end
  local ok, list = pcall(cjson.decode, intervals)
  if not ok or type(list) ~= 'table' or #list == 0 then return 0 end
  local delay = tonumber(list[math.max(#list - retriesLeft, 0) + 1])
  if not delay or not (delay > 0) then return 0 end
  return math.floor(math.min(delay, longestDelay))
end

-- Back to the queue, or to the scheduled registry when the retry is to wait.
local function retry(q, queuesKey, jobKey, id, retriesLeft, delay, atFront)
  redis.call('HDEL', jobKey, 'x_exec')
  if delay > 0 then
    redis.call('SADD', queuesKey, q.list)
    redis.call('HSET', jobKey, 'retries_left', retriesLeft - 1, 'status', 'scheduled')
    redis.call('ZADD', q.scheduled, nowSeconds + delay, id)
  else
    redis.call('HSET', jobKey, 'retries_left', retriesLeft - 1, 'status', 'queued', 'enqueued_at', nowText)
    redis.call(atFront and 'LPUSH' or 'RPUSH', q.list, id)
  end
  note(q.events, 50, 'retried', { jobId = id, retriesLeft = retriesLeft - 1, delaySeconds = delay })
end
