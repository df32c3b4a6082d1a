-- A job's way from the scheduled registry to its queue: by a scheduler when it is due, or by somebody who does not
-- want to wait. The caller has taken the id out of the registry, and so is the only one who may.
-- `q` holds the queue's keys and its name. The caller frees dependents, with `freeDependents`.
local scheduledStatus = { scheduled = true, created = true }

-- Returns m moved, d dropped (there is nothing to run, or it is elsewhere already), q quarantined.
local function enqueueDue(q, failedQueueKey, jobKey, id, failureTtl)
  if #id > 200 or not string.find(id, '^[A-Za-z0-9_-]+$') then
    note(q.events, 80, 'dropped', { jobId = printable(id), reason = 'not an id that RQ accepts' })
    return 'd'
  end
  local f = redis.pcall('HMGET', jobKey, 'status', 'origin', 'ttl', 'enqueue_at_front', 'enqueue_at_front_on_retry', 'ended_at', 'failure_ttl')
  local reason
  if f.err then reason = 'the job key is not a hash'
  elseif not f[1] and redis.call('HEXISTS', jobKey, 'data') == 0 then
    reason = redis.call('EXISTS', jobKey) == 1 and 'the hash has no data' or 'no hash'
  elseif f[1] and not scheduledStatus[f[1]] and isStatus(f[1]) then reason = 'its status is ' .. f[1]
  end
  if reason then
    note(q.events, 80, 'dropped', { jobId = id, reason = reason })
    return 'd'
  end
  local ttl = integer(f[3])
  if f[1] and not isStatus(f[1]) then reason = 'unknown status ' .. printable(string.sub(f[1], 1, 40))
  elseif redis.call('HEXISTS', jobKey, 'data') == 0 then reason = 'field data is missing'
  elseif f[3] and f[3] ~= '' and not ttl then reason = 'field ttl cannot be read' end
  if f[2] ~= q.name then redis.call('HSET', jobKey, 'origin', q.name) end
  if reason then
    quarantine(q, failedQueueKey, jobKey, id, reason, 'Quarantined when it was due: ' .. reason, integer(f[7]) or failureTtl)
    return 'q'
  end
  redis.call('HSET', jobKey, 'status', 'queued', 'enqueued_at', nowText)
  -- Its time to live begins now, whatever Python's producers set when it was scheduled.
  if ttl and ttl > 0 then redis.call('EXPIRE', jobKey, ttl) else redis.call('PERSIST', jobKey) end
  local atFront = f[4] == '1' or f[5] == '1' and f[6] and f[6] ~= ''
  redis.call(atFront and 'LPUSH' or 'RPUSH', q.list, id)
  noteWords(q.events, 50, 'enqueued', id)
  return 'm'
end
