-- names: wipPrefix
-- A job's way from the scheduled registry to its queue: by a scheduler when it is due, or by somebody who does not
-- want to wait. The caller has taken the id out of the registry, and so is the only one who may.
-- `q` holds the queue's keys and its name. The caller frees dependents, with `freeDependents`.
local scheduledStatus = { scheduled = true, created = true }

-- A job that waits for others as well, as nobody looked at before: their turn is now. RQ passes them over. A job that ran
-- before, and whose time is that of a retry or a repeat, has its parents behind it.
-- Returns whether it waits on, or what is wrong.
local function waitsForOthers(q, jobKey, id)
  local f = redis.call('HMGET', jobKey, 'dependency_ids', 'allow_dependency_failures', 'started_at', 'x_attempt')
  if f[3] and f[3] ~= '' or f[4] then return false end
  local parents = parentsOf(id, f[1])
  local verdict, wait = judgeNew(id, (f[2] == '1' and '01 ' or '00 ') .. table.concat(parents, ' '))
  if verdict == 'w' then return false end
  local wrong = verdict ~= 'p' and (verdict == 'c' and 'it would wait for itself: ' or '') .. table.remove(refusals)
    or misfit(deferredPrefix .. q.name, 'zset')
  if wrong then return false, wrong end
  redis.call('HSET', jobKey, 'status', 'deferred')
  -- Its time to live begins when it is queued, whatever Python's producers set when it was scheduled.
  redis.call('PERSIST', jobKey)
  defer(id, q.name, wait)
  noteWords(q.events, 51, 'deferred', id)
  return true
end

-- Returns m moved, d dropped (there is nothing to run, or it is elsewhere already), w waiting for others, q quarantined.
local function enqueueDue(q, failedQueueKey, jobKey, id, failureTtl)
  local f = redis.pcall('HMGET', jobKey, 'status', 'origin', 'ttl', 'enqueue_at_front', 'enqueue_at_front_on_retry', 'ended_at', 'failure_ttl', 'dependency_ids')
  local reason
  if f.err then reason = 'the job key is not a hash'
  elseif not f[1] and redis.call('HEXISTS', jobKey, 'data') == 0 then
    reason = redis.call('EXISTS', jobKey) == 1 and 'the hash has no data' or 'no hash'
  elseif f[1] and not scheduledStatus[f[1]] and isStatus(f[1]) and (hasEndedAs(f[1], q.name, id) or waitsIn(q.name, id) or isHeld(wipPrefix .. q.name, id)) then
    reason = 'its status is ' .. f[1]
  end
  if reason then
    note(q.events, 80, 'dropped', { jobId = printable(id), reason = reason })
    return 'd'
  end
  local ttl = integer(f[3])
  if f[1] and not isStatus(f[1]) then reason = 'unknown status ' .. printable(string.sub(f[1], 1, 40))
  elseif redis.call('HEXISTS', jobKey, 'data') == 0 then reason = 'field data is missing'
  elseif f[3] and f[3] ~= '' and not ttl then reason = 'field ttl cannot be read' end
  if f[2] ~= q.name then redis.call('HSET', jobKey, 'origin', q.name) end
  if not reason and f[8] and f[8] ~= '' then
    local waits
    waits, reason = waitsForOthers(q, jobKey, id)
    if waits then return 'w' end
  end
  if reason then
    quarantine(q, failedQueueKey, jobKey, id, reason, 'Quarantined when it was due: ' .. reason, integer(f[7]) or failureTtl)
    return 'q'
  end
  redis.call('HSET', jobKey, 'status', 'queued', 'enqueued_at', nowText)
  -- Its time to live begins now, whatever Python's producers set when it was scheduled.
  if ttl and ttl > 0 then redis.call('EXPIRE', jobKey, ttl) else redis.call('PERSIST', jobKey) end
  local atFront = f[4] == '1' or f[5] == '1' and f[6] and f[6] ~= ''
  redis.call(atFront and 'LPUSH' or 'RPUSH', q.list, id)
  -- RQ 1 takes any id, and the words of an entry do not. Whoever claims it says what becomes of it.
  if string.find(id, '^[%w_-]+$') then noteWords(q.events, 50, 'enqueued', id) end
  return 'm'
end
