-- names: queuePrefix intermediateSuffix scheduledPrefix deferredPrefix readyPrefix finishedPrefix failedPrefix
-- What a job says of itself may be of long ago: RQ's `job.save()` writes back every field, the status too, whatever became
-- of the job since it was read. So a status that promises something counts only where the job stands as it says.
local registryOf = { scheduled = scheduledPrefix, deferred = deferredPrefix, ready_to_enqueue = readyPrefix }
local isEnd = { finished = true, failed = true, stopped = true, canceled = true }

-- Whether a job with such a status is in the registry for those.
local function isRegistered(status, name, id)
  return registryOf[status] ~= nil and type(redis.pcall('ZSCORE', registryOf[status] .. name, id)) == 'string'
end

-- Whether the job is entered as one that has ended in this queue.
local function hasEnded(name, id)
  return type(redis.pcall('ZSCORE', finishedPrefix .. name, id)) == 'string' or type(redis.pcall('ZSCORE', failedPrefix .. name, id)) == 'string'
end

-- Whether the job waits anywhere in this queue.
local function waitsIn(name, id)
  local list = queuePrefix .. name
  for status in pairs(registryOf) do
    if isRegistered(status, name, id) then return true end
  end
  return type(redis.pcall('LPOS', list, id)) == 'number' or type(redis.pcall('LPOS', list .. intermediateSuffix, id)) == 'number'
end

local holders = {}

-- Whether any execution holds a lease on the job. Rare, and looked up once a call: a wip registry is as long as a fleet
-- is wide.
local function isHeld(wip, id)
  local ids = holders[wip]
  if not ids then
    ids = {}
    local members = redis.pcall('ZRANGE', wip, 0, -1)
    for _, member in ipairs(members.err and {} or members) do ids[string.match(member, '^[^:]*')] = true end
    holders[wip] = ids
  end
  return ids[id]
end
