-- uses: clock types log events notes
-- The repairs of an audit that no transition does. Each looks again before it writes: between the audit's second
-- look and this call somebody may have mended it, or the job may have moved on. Repeating one is harmless.
-- KEYS  1 job   2 queue list   3 intermediate   4 wip   5 FailedQueue list   6 events   then the keys of its verb
-- ARGV  1 verb   2 id   3 event log length   then what the verb takes
-- Returns 1 when it changed something.
local job, list, intermediate, wip, failedQueue, events = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local verb, id = ARGV[1], ARGV[2]
local f = redis.pcall('HMGET', job, 'status', 'x_exec', 'data')
local status, exec, data = f[1], f[2], f[3]
local homes = { finished = 'finished', failed = 'failed', stopped = 'failed', scheduled = 'scheduled', deferred = 'deferred', canceled = 'canceled' }
local home = status and homes[status]

local function isHeld(execution, registry)
  for _, member in ipairs(redis.pcall('ZRANGE', registry or wip, 0, -1)) do
    if member == id .. ':' .. execution or execution == '' and string.match(member, '^[^:]*') == id then return true end
  end
  return false
end

local function unlist(key, count)
  local removed = redis.pcall('LREM', key, count, id)
  return type(removed) == 'number' and removed or 0
end

local function told(count, reason)
  if count > 0 then note(events, 80, 'dropped', { jobId = printable(id), reason = 'audit: ' .. reason }) end
  return count
end

-- Out of every place of its queue, given that there is no such job.
local function forget()
  local count = unlist(list, 0) + unlist(intermediate, 0)
  for _, member in ipairs(redis.pcall('ZRANGE', wip, 0, -1)) do
    if member == id or string.sub(member, 1, #id + 1) == id .. ':' then count = count + redis.call('ZREM', wip, member) end
  end
  for n = 7, #KEYS do
    local removed = redis.pcall('ZREM', KEYS[n], id)
    if type(removed) == 'number' then count = count + removed end
  end
  return count
end

local verbs = {}

function verbs.forget()
  if redis.call('EXISTS', job) == 1 then return 0 end
  return told(forget(), 'there is no hash')
end

function verbs.bury()
  if data or f.err or redis.call('EXISTS', job) == 0 then return 0 end
  redis.call('DEL', job)
  forget()
  return told(1, 'the hash has no data')
end

-- All entries but the one that its status asks for.
function verbs.unlist()
  local count = 0
  if #redis.pcall('LPOS', failedQueue, id, 'COUNT', 2) == 2 then count = unlist(failedQueue, -1) end
  if status == 'queued' and not (exec and isHeld(exec)) then
    local waits = #redis.pcall('LPOS', list, id, 'COUNT', 0)
    if waits > 1 then return count + told(unlist(list, 1 - waits), 'it waits already') end
    return count
  end
  if status == 'started' and not isHeld('') then return count end
  return count + told(unlist(list, 0), 'its status is ' .. (status or 'none'))
end

-- From the list of a queue that is not its own, where a job that is in no other place may stay.
function verbs.unlistElsewhere()
  local isHere = #redis.pcall('LPOS', KEYS[7], id, 'COUNT', 1) > 0 or isHeld('', KEYS[8])
  if not isHere and (status == 'queued' or status == 'started') then return 0 end
  return told(unlist(list, 0), 'it is not of this queue, and its status is ' .. (status or 'none'))
end

function verbs.unlease()
  local member = ARGV[4]
  if not status or status == 'started' or status == 'canceled' or exec and member == id .. ':' .. exec then return 0 end
  -- Of a job that only says so the lease is the one place.
  if status ~= 'finished' and status ~= 'failed' and status ~= 'stopped' and not redis.pcall('LPOS', list, id) and not redis.pcall('LPOS', intermediate, id) then return 0 end
  return redis.call('ZREM', wip, member)
end

function verbs.unregister()
  if not status or home == ARGV[4] then return 0 end
  return redis.call('ZREM', KEYS[7], id)
end

function verbs.register()
  if home ~= ARGV[4] then return 0 end
  local score = nowSeconds
  if home == 'finished' or home == 'failed' then
    local ttl = redis.call('TTL', job)
    score = ttl >= 0 and nowSeconds + ttl or home == 'failed' and -1 or '+inf'
  end
  return redis.call('ZADD', KEYS[7], 'NX', score, id)
end

-- As the claim does it: what RQ cannot read stays, under a name that it does not read.
function verbs.keepAside()
  local value = redis.call('HGET', job, ARGV[4])
  if not value then return 0 end
  redis.call('HSET', job, 'x_odd_' .. ARGV[4], string.sub(value, 1, 200))
  return redis.call('HDEL', job, ARGV[4])
end

function verbs.expire()
  local score = tonumber(redis.call('ZSCORE', KEYS[7], id) or '')
  if home ~= ARGV[4] or not score or score <= 0 or score == math.huge or redis.call('TTL', job) ~= -1 then return 0 end
  local at = string.format('%.0f', score)
  -- Of a failure without a lifetime of its own RQ keeps the results without an end.
  if redis.call('TTL', KEYS[8]) == -1 then redis.call('EXPIREAT', KEYS[8], at) end
  return redis.call('EXPIREAT', job, at)
end

function verbs.persist()
  if status ~= 'queued' and status ~= 'started' then return 0 end
  return redis.call('PERSIST', job)
end

function verbs.expireKey()
  if redis.call('PTTL', KEYS[7]) ~= -1 then return 0 end
  return redis.call('EXPIRE', KEYS[7], ARGV[4])
end

function verbs.unlistWorker()
  if redis.call('EXISTS', ARGV[4]) == 1 then return 0 end
  return redis.call('SREM', KEYS[7], ARGV[4])
end

function verbs.nameQueue()
  if redis.call('LLEN', ARGV[4]) == 0 then return 0 end
  return redis.call('SADD', KEYS[7], ARGV[4])
end

function verbs.unnameQueue()
  return redis.call('SREM', KEYS[7], ARGV[4])
end

function verbs.trim()
  return redis.call('XTRIM', KEYS[7], 'MAXLEN', ARGV[4])
end

function verbs.nameLimit()
  return redis.call('SADD', KEYS[7], ARGV[4])
end

function verbs.unwait()
  if status == 'rate_limited' then return 0 end
  return redis.call('ZREM', KEYS[7], id)
end

-- Behind those that wait: nobody knows since when it does.
function verbs.awaitSlot()
  if status ~= 'rate_limited' or redis.call('HGET', job, 'rate_limit_key') ~= ARGV[4] then return 0 end
  redis.call('SADD', KEYS[8], ARGV[4])
  redis.call('HSETNX', KEYS[9], 'concurrency', redis.call('HGET', job, 'rate_limit_concurrency') or 1)
  return redis.call('ZADD', KEYS[7], 'NX', nowSeconds, id)
end

function verbs.nameGroup()
  if redis.call('SCARD', KEYS[7]) == 0 then return 0 end
  return redis.call('SADD', KEYS[8], ARGV[4])
end

function verbs.joinGroup()
  if redis.call('HGET', job, 'group_id') ~= ARGV[4] then return 0 end
  redis.call('SADD', KEYS[8], ARGV[4])
  return redis.call('SADD', KEYS[7], id)
end

function verbs.countStarts()
  local used = 0
  for _, entry in ipairs(redis.call('LRANGE', KEYS[8], 0, -1)) do used = used + (tonumber(string.match(entry, '^%d+ (%d+)$')) or 0) end
  if redis.call('HGET', KEYS[7], 'used') == tostring(used) then return 0 end
  redis.call('HSET', KEYS[7], 'used', used)
  return 1
end

function verbs.dropMark()
  if redis.call('HGET', KEYS[7], ARGV[4]) ~= ARGV[5] then return 0 end
  return redis.call('HDEL', KEYS[7], ARGV[4])
end

local changed = verbs[verb]()
appendEvents('', ARGV[3])
return changed > 0 and 1 or 0
