-- How the exchange ends runs that did not finish. Each answers the letter of its verdict.

-- Whether a worker serves the queue whose release is such a one of RQ's; ours say `rxrq`.
local function isServedBy(q, release)
  local members = redis.pcall('SMEMBERS', 'rq:workers:' .. q.name)
  for _, key in ipairs(members) do
    local version = redis.pcall('HGET', key, 'version')
    if type(version) == 'string' and version ~= 'rxrq' and string.find(version, release) then return true end
  end
  return false
end

-- Python's workers may have functions that none of ours has, and take long to come to them, one job at a time.
local function isServedByPython(q)
  return isServedBy(q, '')
end

-- This worker leaves it alone for a while, longer each time: whoever else serves the queue comes first.
local function passOn(q, jobKey, id, execution, reason, passes)
  local untilMs = nowMs + 100 * 2 ^ math.min(passes, 8)
  local _, born = forgetEarlierLife(jobKey)
  redis.call('HSET', jobKey, 'status', 'queued', 'x_born', born, 'x_passes', tostring(passes),
    'x_passed', string.sub(request, 1, 12) .. string.format(' %d', untilMs))
  redis.call('RPUSH', q.list, id)
  note(q.events, 70, 'handedBack', { jobId = id, execution = execution, reason = reason })
  return 'h'
end

function made.settle.fail(q, jobKey, id, execution, run, forHash, forStream, verdict)
  local f = redis.call('HMGET', jobKey, 'retries_left', 'retry_intervals', 'failure_ttl', 'enqueue_at_front_on_retry',
    'failure_callback_name')
  local why = cjson.decode(verdict)
  if why.forPython and isServedByPython(q) then
    return passOn(q, jobKey, id, execution, why.reason, (integer(redis.call('HGET', jobKey, 'x_passes')) or 0) + 1)
  end
  failedAttempts = failedAttempts + 1
  note(q.events, 30, 'failed', { jobId = id, execution = execution, reason = why.reason })
  local retriesLeft, ttl = integer(f[1]) or 0, integer(f[3]) or defaultFailureTtl
  if why.max then return made.askedRetry(q, jobKey, id, execution, run, forHash, forStream, why, ttl) end
  if retriesLeft > 0 and why.retryable then
    -- Python has no entry for an attempt that is tried again, and a producer of its own may wait for the first one.
    -- Our `results: 'stream'` keeps them; the other callback fields say that Python wrote the hash.
    if run.stream and not f[5] and ttl ~= 0 then made.streamResult(id, 2, 'exc_string', forStream, execution, run.tookMs, ttl) end
    retry(q, queuesKey, jobKey, id, retriesLeft, f[2], f[4] == '1')
    return 'r'
  end
  quarantine(q, failedQueueKey, jobKey, id, why.reason, not run.stream and forHash or nil, ttl)
  if run.stream and ttl ~= 0 then made.streamResult(id, 2, 'exc_string', forStream, execution, run.tookMs, ttl) end
  return 'q'
end

function made.settle.stop(q, jobKey, id, execution, run, forHash, forStream, reason)
  failedAttempts = failedAttempts + 1
  local ttl = stop(q, failedQueueKey, jobKey, id, execution, reason, not run.stream and forHash or nil, defaultFailureTtl)
  if run.stream and ttl ~= 0 then made.streamResult(id, 2, 'exc_string', forStream, execution, run.tookMs, ttl) end
  return 's'
end

function made.settle.back(q, jobKey, id, execution, _, reason)
  redis.call('HSET', jobKey, 'status', 'queued')
  redis.call('LPUSH', q.list, id)
  note(q.events, 70, 'handedBack', { jobId = id, execution = execution, reason = reason })
  return 'h'
end

function made.settle.pass(q, jobKey, id, execution, _, reason, limit)
  local f = redis.call('HMGET', jobKey, 'x_passes', 'failure_ttl')
  local passes = (integer(f[1]) or 0) + 1
  if passes <= tonumber(limit) or isServedByPython(q) then return passOn(q, jobKey, id, execution, reason, passes) end
  quarantine(q, failedQueueKey, jobKey, id, reason, reason, integer(f[2]) or defaultFailureTtl)
  return 'q'
end
