-- How the exchange ends runs that are not the last: `again.lua` says where the job goes.

-- The results of these attempts have types of their own (4, 5), at which readers before RQ 2.1 and 2.8 stop. Only a
-- producer of RQ 2 writes `group_id`, and who produced a job is likely to read it.
function made.askedRetry(q, jobKey, id, execution, run, forHash, forStream, why, ttl)
  local isModern = run.stream and redis.call('HEXISTS', jobKey, 'group_id') == 1
  if retryAsked(q, queuesKey, jobKey, id, why.max, why.intervals) then
    if isModern then made.streamResult(id, 4, false, '', execution, run.tookMs, ttl == 0 and defaultFailureTtl or ttl) end
    return 'r'
  end
  quarantine(q, failedQueueKey, jobKey, id, 'Job failed after ' .. why.max .. ' retry attempts', not run.stream and forHash or nil, ttl)
  if run.stream and ttl ~= 0 then
    made.streamResult(id, isModern and 5 or 2, 'exc_string', forStream, execution, run.tookMs, ttl)
  end
  return 'q'
end

-- It succeeded, and is to run again. The result is kept; RQ has the id in `finished` as well, we have it where it is.
function made.keepAndRepeat(q, jobKey, id, execution, tookMs, ttl, stream, result, hasResult, startedAt, attempt, repeatsLeft)
  if startedAt then redis.call('HSET', jobKey, 'started_at', startedAt, 'worker_name', worker, 'x_attempt', attempt) end
  redis.call('HSET', jobKey, 'ended_at', nowText)
  if ttl ~= '0' and stream then
    made.streamResult(id, 1, hasResult and 'return_value', result, execution, tonumber(tookMs), tonumber(ttl))
  elseif ttl ~= '0' and hasResult then
    redis.call('HSET', jobKey, 'result', result)
  end
  repeatJob(q, queuesKey, jobKey, id, repeatsLeft)
end
