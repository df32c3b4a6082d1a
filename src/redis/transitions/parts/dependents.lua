-- names: jobPrefix queuePrefix deferredPrefix eventsPrefix queuesKey unfreedKey
-- Frees the jobs that wait for one that ended, in the script that ends it. RQ: `Queue.enqueue_dependents`.
-- Nothing here may stop that script: whatever lies under a dependent's keys, the parent has ended.

-- Dependents looked at in one call, a parent more of theirs counting for an eighth: Redis serves nobody meanwhile.
local mostAtOnce, atATime = 100, 20
-- What a parent has to say while its dependents are freed. `waived` is a canceled one that is not waited for.
local statusOf = { finished = 'finished', failed = 'failed', stopped = 'stopped', canceled = 'canceled', waived = 'canceled' }

-- What a look at a waiting job needs to know. One that says no status is what the place says where it lies.
local function lookAt(id, statusOfPlace)
  local f = redis.pcall('HMGET', jobPrefix .. id, 'status', 'origin', 'allow_dependency_failures', 'enqueue_at_front', 'ttl',
    'dependency_ids', 'x_unmet')
  local status = not f.err and (f[1] or redis.call('EXISTS', jobPrefix .. id) == 1 and statusOfPlace)
  return { status = status, isKnown = not status or isStatus(status), origin = f[2], allowsFailure = f[3] == '1', atFront = f[4] == '1',
    ttl = integer(f[5]), named = f[6], unmet = f[7] or '' }
end

-- Onto its own queue; false where a key of that queue has a wrong type: it stays, and the audit tells. With a status that
-- nobody knows it goes there as it is.
local function free(id, job, parents, by)
  if not job.origin or job.origin == '' or job.origin == 'failed' then return false end
  local list, deferred, events = queuePrefix .. job.origin, deferredPrefix .. job.origin, eventsPrefix .. job.origin
  if misfit(list, 'list') or misfit(deferred, 'zset') or misfit(events, 'stream') or misfit(queuesKey, 'set') then return false end
  local key = jobPrefix .. id
  redis.call('ZREM', deferred, id)
  if job.unmet ~= '' then redis.call('HDEL', key, 'x_unmet') end
  if job.isKnown then redis.call('HSET', key, 'status', 'queued', 'enqueued_at', nowText) end
  if job.ttl and job.ttl > 0 then redis.call('EXPIRE', key, job.ttl) end
  redis.call('SADD', queuesKey, list)
  redis.call(job.atFront and 'LPUSH' or 'RPUSH', list, id)
  leaveParents(id, parents)
  note(events, 65, 'released', { jobId = printable(id), by = printable(by) })
  return true
end

-- Remembers, or forgets, that a parent ended otherwise than the job wants. Once such a parent's hash has
-- expired nothing else tells it from one that finished.
local function mark(id, job, parent, isUnmet)
  local words, wasUnmet = {}, false
  for word in string.gmatch(job.unmet, '%S+') do
    if word == parent then wasUnmet = true else words[#words + 1] = word end
  end
  if wasUnmet == isUnmet then return end
  if isUnmet then words[#words + 1] = parent end
  job.unmet = table.concat(words, ' ')
  if words[1] then redis.call('HSET', jobPrefix .. id, 'x_unmet', job.unmet) else redis.call('HDEL', jobPrefix .. id, 'x_unmet') end
end

-- Whether it waits for its parents: where the registry says so, whatever RQ's `save()` wrote back.
local function isDeferred(id, job)
  local origin = job.origin or ''
  if not job.status or job.status == 'ready_to_enqueue' then return false end
  if isRegistered('deferred', origin, id) then
    return job.status == 'deferred' or not hasEndedAs(job.status, origin, id) and not isUnderWay(origin, id)
  end
  -- Python lets a job go and leaves it with those of its parents that ended before.
  return job.status == 'deferred' and not endIn(origin, id) and not isUnderWay(origin, id)
end

-- One dependent of a parent that ended. Answers how many looks it took.
local function consider(id, parent, how)
  local dependentsKey = jobPrefix .. parent .. ':dependents'
  local job = lookAt(id, 'deferred')
  if not job.isKnown and isRegistered('deferred', job.origin or '', id) and free(id, job, parentsOf(id, job.named), parent) then return 1 end
  if not isDeferred(id, job) then
    redis.call('SREM', dependentsKey, id)
    return 1
  end
  if how == 'canceled' or how == 'stopped' or how == 'failed' and not job.allowsFailure then
    -- It stays in the set: the parent may be requeued, and then finish.
    mark(id, job, parent, true)
    return 1
  end
  local parents, isFree = parentsOf(id, job.named), true
  for _, other in ipairs(parents) do
    if other ~= parent and not isMet(statusOfParent(other), job.allowsFailure) then
      isFree = false
      break
    end
  end
  if not (isFree and free(id, job, parents, parent)) then mark(id, job, parent, false) end
  -- A parent that finished has done its part. One that failed may still finish.
  if how ~= 'failed' then redis.call('SREM', dependentsKey, id) end
  return 1 + #parents / 8
end

-- Frees what waits for a parent, from a place in its set on. What one call cannot do is written down for a janitor.
local function freeDependentsOf(parent, how, cursor, looks)
  local dependentsKey = jobPrefix .. parent .. ':dependents'
  while looks < mostAtOnce do
    local page = redis.pcall('SSCAN', dependentsKey, cursor, 'COUNT', atATime)
    if page.err then
      redis.pcall('HDEL', unfreedKey, parent)
      return looks
    end
    looks = looks + 1
    for _, id in ipairs(page[2]) do looks = looks + consider(id, parent, how) end
    cursor = page[1]
    if cursor == '0' then
      redis.pcall('HDEL', unfreedKey, parent)
      -- Those that wait on do so as long as the parent is kept.
      local ttl = redis.call('TTL', jobPrefix .. parent)
      if ttl == -2 then redis.call('DEL', dependentsKey)
      elseif ttl >= 0 then redis.call('EXPIRE', dependentsKey, ttl) end
      return looks
    end
  end
  redis.pcall('HSET', unfreedKey, parent, how .. ' ' .. cursor)
  return looks
end

-- Called once a script knows what ended in it.
local function freeDependents()
  local ended, howOf = {}, {}
  for _, key in ipairs(finishedNow) do ended[#ended + 1], howOf[key] = key, 'finished' end
  for _, id in ipairs(failedNow) do
    local key = jobPrefix .. id .. ':dependents'
    ended[#ended + 1], howOf[key] = key, failedNow[id] or 'failed'
  end
  finishedNow, failedNow = {}, {}
  if not ended[1] or redis.call('EXISTS', unpack(ended)) == 0 then return end
  local looks = 0
  for _, key in ipairs(ended) do
    if not misfit(key, 'set') and redis.call('EXISTS', key) == 1 then
      looks = freeDependentsOf(string.sub(key, #jobPrefix + 1, -#':dependents' - 1), howOf[key], '0', looks)
    end
  end
end
