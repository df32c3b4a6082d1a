-- How the claim judges an id that is not plainly a queued job of ours.

-- What RQ reads as a time: any other text makes Python raise whenever it looks at the job.
local function isDate(text)
  local daysIn = { ['01'] = '31', ['02'] = '29', ['03'] = '31', ['04'] = '30', ['05'] = '31', ['06'] = '30',
    ['07'] = '31', ['08'] = '31', ['09'] = '30', ['10'] = '31', ['11'] = '30', ['12'] = '31' }
  local from, _, fraction = string.find(text, '^%d%d%d%d%-[01]%d%-[0-3]%dT[0-2]%d:[0-5]%d:[0-5]%d(.*)Z$')
  if not from or #text > 27 or fraction ~= '' and not string.find(fraction, '^%.%d+$') then return false end
  local month, day, year = string.sub(text, 6, 7), string.sub(text, 9, 10), tonumber(string.sub(text, 1, 4))
  local last = daysIn[month]
  return last and day >= '01' and day <= last and string.sub(text, 12, 13) <= '23' and year > 0
    and (month ~= '02' or day ~= '29' or year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0))
end

-- Whether a job with a rate limit has a slot, or gets one. Whoever put it on the queue may know no limits (requeue,
-- the scheduler, the release of dependents, Python before 3): it waits then, as if it had just come.
local function hasSlot(q, jobKey, id, key)
  local concurrency = integer(redis.call('HGET', jobKey, 'rate_limit_concurrency'))
  if not concurrency or concurrency < 1 or limitFault(key) or takeSlot(key, id, concurrency) then return true end
  redis.call('HDEL', jobKey, 'x_exec')
  redis.call('HSET', jobKey, 'status', 'rate_limited')
  waitForSlot(key, id, concurrency)
  noteWords(q.events, 80, 'rateLimited', id)
  return false
end

-- Names the first field that RQ's readers could not read. Jobs of our own making were checked when they were made;
-- whatever somebody did to them since is read with defaults.
local function oddField(jobKey, timeout, ours)
  local limit = timeout and integer(timeout)
  -- An empty field is an absent one, as for RQ.
  if timeout and timeout ~= '' and (not limit or limit < -1) then return 'timeout' end
  if not ours then
    local names = { 'result_ttl', 'failure_ttl', 'retries_left', 'enqueued_at', 'created_at' }
    local f = redis.call('HMGET', jobKey, 'result_ttl', 'failure_ttl', 'retries_left', 'enqueued_at', 'created_at')
    for i, name in ipairs(names) do
      if f[i] and f[i] ~= '' and (i <= 3 and not integer(f[i]) or i > 3 and not isDate(f[i])) then
        return name
      end
    end
  end
end

-- Whether this worker passed the job on a moment ago, for want of a handler. Another worker may have one.
local function isPassedByUs(passed)
  local untilMs = string.sub(passed, 1, 12) == string.sub(request, 1, 12) and integer(string.sub(passed, 14))
  return untilMs and untilMs > nowMs
end

function made.drop(q, id, reason)
  note(q.events, 80, 'dropped', { jobId = printable(id), reason = reason })
end

-- What else a hash of Python's may tell: whether it has callbacks for failures or webhooks. If it waited for others, their
-- set has no end yet where Python let it go: RQ gives it one when the job finishes, in Python.
local function lookFurther(jobKey, id)
  local f = redis.call('HMGET', jobKey, 'failure_callback_name', 'stopped_callback_name', 'webhooks', 'dependency_ids')
  if f[4] and f[4] ~= '' then expireParents(id) end
  return f[1] and f[1] ~= '' or f[2] and f[2] ~= '' or f[3]
end

-- Whether the job can be put aside; else its queue waits until that is mended.
local function canQuarantine(q)
  local fault = quarantineFaultOf(q)
  if not fault then return true end
  -- In words that name the queue: it is no use to wait for its jobs.
  q.fault = fault .. ', and a job of ' .. q.list .. ' is to be put there'
  faults[#faults + 1] = q.fault
  return false
end

-- A job whose id is none for the replies and events here, nor for RQ 2, whose workers end by it. Those of RQ 1 run it.
function made.setAside(q, id)
  local jobKey, reason = jobPrefix .. id, 'not an id that RQ accepts'
  local f = redis.pcall('HMGET', jobKey, 'status', 'data', 'failure_ttl', 'origin', 'rate_limit_key')
  if f.err or not f[2] or hasEndedAs(f[1], q.name, id) then
    made.drop(q, id, reason)
  elseif isServedBy(q, '^1%.') and not isServedBy(q, '^[2-9]') then
    q.passed = q.passed or {}
    q.passed[#q.passed + 1] = id
  elseif canQuarantine(q) then
    if not f[4] or f[4] == '' then redis.call('HSET', jobKey, 'origin', q.name) end
    quarantine(q, failedQueueKey, jobKey, id, reason, 'Quarantined when claimed: ' .. reason, integer(f[3]) or defaultFailureTtl)
    leaveLimit(f[5], id)
  end
end

-- Whether a job that is not plain may run; what must not is dropped, passed over or quarantined. Also whether it has
-- callbacks or webhooks. Python RQ always writes `success_callback_name`, if only empty; we do when a result is wanted in
-- RQ's stream.
function made.mayRun(q, id, jobKey, f)
  if f.err then return made.drop(q, id, 'the job key is not a hash') end
  local status, held, timeout, stream, meta, data, passed = f[1], f[2], f[4], f[5], f[8], f[9], f[10]
  if not status and not data then
    return made.drop(q, id, redis.call('EXISTS', jobKey) == 1 and 'the hash has no data' or 'no hash')
  end
  -- Python wrote it, and it has something of ours: of a job that had this id before?
  if stream and (f[3] or passed or f[11]) and forgetEarlierLife(jobKey) then passed, f[11] = false, false end
  local reason, odd
  if status and not isStatus(status) then reason = 'unknown status ' .. printable(string.sub(status, 1, 40))
  elseif status == 'started' and heldByAnyone(q, jobKey, id) then
    return made.drop(q, id, 'it is running already')
  elseif hasEndedAs(status, q.name, id) or registryOf[status]
    and (isRegistered(status, q.name, id) or isRegistered(status, redis.call('HGET', jobKey, 'origin') or '', id)) then
    return made.drop(q, id, 'its status is ' .. status)
  elseif held and (isTakenNow(id) or redis.call('ZSCORE', q.wip, id .. ':' .. held)) then
    return made.drop(q, id, 'it is claimed already')
  elseif passed and isPassedByUs(passed) then
    q.passed = q.passed or {}
    q.passed[#q.passed + 1] = id
    return false
  elseif not data then reason = 'field data is missing'
  elseif #data > payloadLimit then reason = 'field data holds ' .. #data .. ' bytes, the limit is ' .. payloadLimit
  elseif meta and #meta > payloadLimit then reason = 'field meta holds ' .. #meta .. ' bytes, the limit is ' .. payloadLimit
  else
    odd = oddField(jobKey, timeout, not stream)
    if not odd then
      local limit = f[12]
      if limit and limit ~= '' and not hasSlot(q, jobKey, id, limit) then return false end
      return true, f[11] or stream and (stream ~= '' or lookFurther(jobKey, id))
    end
    reason = 'field ' .. odd .. ' cannot be read'
  end
  if not canQuarantine(q) then return false end
  if odd then
    -- Kept aside and removed, so that the quarantined job can be looked at and requeued from Python as well.
    redis.call('HSET', jobKey, 'x_odd_' .. odd, string.sub(redis.call('HGET', jobKey, odd), 1, 200))
    redis.call('HDEL', jobKey, odd)
  end
  local more = redis.call('HMGET', jobKey, 'origin', 'failure_ttl')
  if not more[1] or more[1] == '' then redis.call('HSET', jobKey, 'origin', q.name) end
  made.tellUnclaimed(q, jobKey, id, reason)
  quarantine(q, failedQueueKey, jobKey, id, reason, 'Quarantined when claimed: ' .. reason, integer(more[2]) or defaultFailureTtl)
  leaveLimit(f[12], id)
  return false
end
