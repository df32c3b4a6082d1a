-- names: jobPrefix queuePrefix eventsPrefix queuesKey rateLimitsKey rateLimitPrefix
-- Slots of jobs that run only so many at a time for a key, under the names of RQ 3. A job that is queued or started holds a
-- slot; one that waits for a slot is in no queue. Nothing here may stop the script that it is part of.

-- Of those that wait, so many are looked at in one call: Redis serves nobody meanwhile.
local mostPromoted = 1000

local function slotKeys(key)
  local base = rateLimitPrefix .. key
  return base, base .. ':allowed', base .. ':rate_limited'
end

local function limitFault(key)
  local base, allowed, waiting = slotKeys(key)
  return misfit(base, 'hash') or misfit(allowed, 'zset') or misfit(waiting, 'zset') or misfit(rateLimitsKey, 'set')
end

-- Fractions keep the order of those that come in the same second, and in the same call.
local placesGiven = 0
local function slotTime()
  local micros = nowMicros + placesGiven
  placesGiven = placesGiven + 1
  return string.format('%.0f.%06d', nowSeconds + (micros - micros % 1000000) / 1000000, micros % 1000000)
end

-- Known from now on, with what the newest job says.
local function setLimit(key, concurrency)
  redis.call('SADD', rateLimitsKey, key)
  redis.call('HSET', rateLimitPrefix .. key, 'concurrency', concurrency)
end

-- Onto its queue; false where a key of that queue has a wrong type. With a status that nobody knows it goes there as it is, and
-- needs no slot.
local function letThrough(id, origin, status, atFront, by)
  local list, events = queuePrefix .. origin, eventsPrefix .. origin
  if misfit(list, 'list') or misfit(events, 'stream') or misfit(queuesKey, 'set') then return false end
  if isStatus(status) then redis.call('HSET', jobPrefix .. id, 'status', 'queued', 'enqueued_at', nowText) end
  redis.call('SADD', queuesKey, list)
  redis.call(atFront and 'LPUSH' or 'RPUSH', list, id)
  note(events, 66, 'released', { jobId = id, by = printable(by) })
  return true
end

-- How many may hold a slot: as the newest job said. Of a limit that was forgotten meanwhile, as this one says.
local function limitOf(key, ownConcurrency)
  local concurrency = integer(redis.call('HGET', rateLimitPrefix .. key, 'concurrency'))
  if concurrency then return concurrency end
  setLimit(key, ownConcurrency)
  return ownConcurrency
end

-- Whether a job in the set of those that wait for a slot does so, whatever RQ's `save()` wrote back.
local function isLimited(status, origin, id)
  return status == 'rate_limited' or not hasEndedAs(status, origin, id) and not isUnderWay(origin, id)
end

-- Gives free slots to those that wait, the first one first. A limit that nobody uses is forgotten.
local function promote(key, by)
  local base, allowed, waiting = slotKeys(key)
  local concurrency, held = integer(redis.call('HGET', base, 'concurrency')), redis.call('ZCARD', allowed)
  local blocked = {}
  for _ = 1, mostPromoted do
    if concurrency and held >= concurrency then break end
    local first = redis.call('ZPOPMIN', waiting)
    local id = first[1]
    if not id then break end
    local f = redis.pcall('HMGET', jobPrefix .. id, 'status', 'origin', 'enqueue_at_front', 'rate_limit_concurrency')
    if f[1] and f[2] and f[2] ~= '' and isLimited(f[1], f[2], id) then
      -- Somebody may have removed the limit and left those that wait for it.
      concurrency = concurrency or limitOf(key, integer(f[4]) or 1)
      if held < concurrency and letThrough(id, f[2], f[1], f[3] == '1', by) then
        if isStatus(f[1]) then
          redis.call('ZADD', allowed, slotTime(), id)
          held = held + 1
        end
      else
        blocked[#blocked + 1], blocked[#blocked + 2] = first[2], id
      end
    end
  end
  if blocked[1] then redis.call('ZADD', waiting, unpack(blocked)) end
  if held == 0 and redis.call('EXISTS', waiting) == 0 then
    redis.call('DEL', base)
    redis.call('SREM', rateLimitsKey, key)
  end
end

-- Whether the job has a slot now, an old one or a new one. Nobody overtakes those that wait.
local function takeSlot(key, id, concurrency)
  local _, allowed, waiting = slotKeys(key)
  if redis.call('ZSCORE', allowed, id) then return true end
  if redis.call('EXISTS', waiting) == 1 then promote(key, '') end
  if redis.call('EXISTS', waiting) == 1 or redis.call('ZCARD', allowed) >= limitOf(key, concurrency) then return false end
  redis.call('ZADD', allowed, slotTime(), id)
  return true
end

local function waitForSlot(key, id, concurrency)
  local _, _, waiting = slotKeys(key)
  limitOf(key, concurrency)
  redis.call('ZADD', waiting, slotTime(), id)
end

-- The job gives back its slot, or its place among those that wait.
local function leaveLimit(key, id)
  if not key or key == '' or limitFault(key) then return end
  local _, allowed, waiting = slotKeys(key)
  if redis.call('ZREM', allowed, id) + redis.call('ZREM', waiting, id) > 0 then promote(key, id) end
end

-- A run is over: whatever it left the job in, a slot is kept only by one that goes on at once.
local function settleSlot(key, id)
  local status = redis.pcall('HGET', jobPrefix .. id, 'status')
  if status ~= 'queued' and status ~= 'started' then leaveLimit(key, id) end
end
