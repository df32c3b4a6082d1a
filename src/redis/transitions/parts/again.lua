-- Jobs that run again: after a failure, because their handler asked for it, or because they repeat.

-- Ten years: whoever waits longer has written nonsense, and JSON may even hold Infinity.
local longestDelay = 315360000

-- The pause, in seconds, that stands at this place of RQ's JSON list; before the first is the first, behind the last the last.
local function pauseAt(intervals, place)
  if not intervals or #intervals > 65536 then return 0 end
  local ok, list = pcall(cjson.decode, intervals)
  if not ok or type(list) ~= 'table' or #list == 0 then return 0 end
  local delay = tonumber(list[math.max(1, math.min(place(#list), #list))])
  if not delay or not (delay > 0) then return 0 end
  return math.floor(math.min(delay, longestDelay))
end

-- To the end of its queue or, with a pause, among the scheduled jobs. `field` is what counts its further runs.
local function runAgain(q, queuesKey, jobKey, id, delay, atFront, field, value)
  redis.call('HDEL', jobKey, 'x_exec')
  if delay > 0 then
    redis.call('SADD', queuesKey, q.list)
    -- RQ's schedulers put a retry to the front only when they see that the job has run.
    redis.call('HSET', jobKey, field, value, 'status', 'scheduled', 'ended_at', nowText)
    redis.call('ZADD', q.scheduled, nowSeconds + delay, id)
  else
    redis.call('HSET', jobKey, field, value, 'status', 'queued', 'enqueued_at', nowText)
    redis.call(atFront and 'LPUSH' or 'RPUSH', q.list, id)
  end
end

-- RQ's exception retry: `intervals[max(len - retries_left, 0)]`, evaluated before the decrement.
local function retry(q, queuesKey, jobKey, id, retriesLeft, intervals, atFront)
  local delay = pauseAt(intervals, function(length) return length - retriesLeft + 1 end)
  runAgain(q, queuesKey, jobKey, id, delay, atFront, 'retries_left', retriesLeft - 1)
  note(q.events, 50, 'retried', { jobId = id, retriesLeft = retriesLeft - 1, delaySeconds = delay })
end

-- RQ's returned `Retry`: `intervals[min(count, len - 1)]`, with a count of its own, that goes up to `max`. False when it is used up.
local function retryAsked(q, queuesKey, jobKey, id, max, intervals)
  local count = integer(redis.call('HGET', jobKey, 'number_of_retries') or '') or 0
  if count > 0 and count >= max then return false end
  local delay = pauseAt(intervals, function() return count + 1 end)
  runAgain(q, queuesKey, jobKey, id, delay, false, 'number_of_retries', count + 1)
  note(q.events, 50, 'retried', { jobId = id, retriesLeft = math.max(0, max - count - 1), delaySeconds = delay })
  return true
end

-- RQ's `Repeat`: `intervals[repeats_left - 1]`, so that the list is used from its end on. A time to live begins anew.
local function repeatJob(q, queuesKey, jobKey, id, repeatsLeft)
  local f = redis.call('HMGET', jobKey, 'repeat_intervals', 'ttl')
  local delay, ttl = pauseAt(f[1], function() return repeatsLeft end), integer(f[2])
  runAgain(q, queuesKey, jobKey, id, delay, false, 'repeats_left', repeatsLeft - 1)
  -- What befell this run is no mark against the next.
  redis.call('HDEL', jobKey, 'x_recoveries', 'x_passes', 'x_passed')
  if delay == 0 and ttl and ttl > 0 then redis.call('EXPIRE', jobKey, ttl) end
  note(q.events, 55, 'repeated', { jobId = id, repeatsLeft = repeatsLeft - 1, delaySeconds = delay })
end
