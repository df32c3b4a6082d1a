-- names: jobPrefix queuePrefix intermediateSuffix scheduledPrefix deferredPrefix readyPrefix finishedPrefix failedPrefix canceledPrefix wipPrefix
-- What a job says of itself may be of long ago: RQ's `job.save()` writes back every field, the status too, whatever became
-- of the job since it was read. So a status that promises something counts only where the job stands as it says.
local registryOf = { scheduled = scheduledPrefix, deferred = deferredPrefix, ready_to_enqueue = readyPrefix }
local endOf = { finished = finishedPrefix, failed = failedPrefix, stopped = failedPrefix, canceled = canceledPrefix }

-- Whether a job with such a status is in the registry for those.
local function isRegistered(status, name, id)
  return registryOf[status] ~= nil and type(redis.pcall('ZSCORE', registryOf[status] .. name, id)) == 'string'
end

-- Whether the job was canceled and not enqueued since: RQ's `enqueue_job` leaves the entry, whose score is the time of the cancel.
local function isCanceled(name, id)
  local at = redis.pcall('ZSCORE', canceledPrefix .. name, id)
  local seconds = type(at) == 'string' and tonumber(at)
  if not seconds or seconds < 0 or seconds > 1e11 then return false end
  local enqueuedAt = redis.pcall('HGET', jobPrefix .. id, 'enqueued_at')
  return type(enqueuedAt) ~= 'string' or string.sub(enqueuedAt, 1, 19) <= string.sub(utcText(math.floor(seconds), 0), 1, 19)
end

-- As what the job is entered among those that have ended in this queue; nil when it is not.
local function endIn(name, id)
  if type(redis.pcall('ZSCORE', finishedPrefix .. name, id)) == 'string' then return 'finished' end
  if type(redis.pcall('ZSCORE', failedPrefix .. name, id)) == 'string' then return 'failed' end
  if isCanceled(name, id) then return 'canceled' end
end

-- Whether the job has ended as it says, in this queue or in its own. A registry that cannot be read counts as one that has it: what may
-- have ended must not run again.
local function hasEndedAs(status, name, id)
  local registry = endOf[status]
  if not registry then return false end
  if redis.pcall('ZSCORE', registry .. name, id) then return true end
  local origin = redis.pcall('HGET', jobPrefix .. id, 'origin')
  return type(origin) == 'string' and origin ~= name and redis.pcall('ZSCORE', registry .. origin, id) ~= false
end

local function isListed(name, id)
  local list = queuePrefix .. name
  return type(redis.pcall('LPOS', list, id)) == 'number' or type(redis.pcall('LPOS', list .. intermediateSuffix, id)) == 'number'
end

-- Whether the job waits anywhere in this queue.
local function waitsIn(name, id)
  for status in pairs(registryOf) do
    if isRegistered(status, name, id) then return true end
  end
  return isListed(name, id)
end

-- The id and the execution of a lease. RQ 1 writes ids alone, and takes any: also one with colons.
local function split(member)
  local id, execution = string.match(member, '^([^:]+):(.*)$')
  if not id or #execution ~= 32 and redis.call('EXISTS', jobPrefix .. member) == 1 then return member, '' end
  return id, execution
end

local holders = {}

-- Whether any execution holds a lease on the job. Rare, and read once a call: a wip registry is as long as a fleet is
-- wide. Whoever takes a lease away afterwards says so with `letGo`.
local function isHeld(wip, id)
  local counts = holders[wip]
  if not counts then
    counts = {}
    local members = redis.pcall('ZRANGE', wip, 0, -1)
    for _, member in ipairs(members.err and {} or members) do
      local holder = split(member)
      counts[holder] = (counts[holder] or 0) + 1
    end
    holders[wip] = counts
  end
  return (counts[id] or 0) > 0
end

local function letGo(wip, id)
  local counts = holders[wip]
  if counts and counts[id] then counts[id] = counts[id] - 1 end
end

-- Whether the job runs in this queue, or will without anybody's help.
local function isUnderWay(name, id)
  return isListed(name, id) or isRegistered('scheduled', name, id) or isHeld(wipPrefix .. name, id)
end
