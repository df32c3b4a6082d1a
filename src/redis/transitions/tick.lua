-- uses: clock types statuses elsewhere log events notes ended parents defer dependents forget fail enqueue-due
-- A scheduler's look at its queues: takes or keeps their locks, moves the jobs that are due, and says when the next
-- one will be. Atomic because the lock and the move must be one step: RQ's schedulers read first and move later, and
-- two of them that overlap queue a job twice. Here whoever takes the id out of the registry moves it, and nobody
-- moves anything in a queue whose lock is another's.
--
-- KEYS  1 our own hash   2 FailedQueue list   3 rq:queues   then rq:scheduled:<q> of each queue
-- ARGV  1 our name   2 how long a lock lasts, s   3 renew the locks 0/1   4 jobs to move at most   5 event log length
--       6 failure ttl, s   7 hostname   8 pid, then the name of each queue
-- Returns { jobs moved, ms until the next one is due (0 when more are due now, -1 when none waits), queues whose
--         lock is ours, faults }
-- names: jobPrefix queuePrefix failedPrefix eventsPrefix schedulerLockPrefix
local name, lockSeconds, renewing, most, failureTtl = ARGV[1], ARGV[2], ARGV[3] == '1', tonumber(ARGV[4]), tonumber(ARGV[6])
local shared = misfit(KEYS[2], 'list') or misfit(KEYS[3], 'set') or renewing and misfit(KEYS[1], 'hash')
if shared then return typeError(shared) end

local moved, held, nextMs, faults = 0, 0, -1, {}

-- Over maxmemory Redis lets a script pass whose first write needs none.
if renewing then redis.call('EXPIRE', KEYS[1], lockSeconds) end

-- Whether the queue is ours to look after. Nobody else's lock is touched: RQ's hold it while they work.
local function isOurs(lock)
  local owner = redis.pcall('GET', lock)
  if type(owner) == 'table' then
    faults[#faults + 1] = misfit(lock, 'string')
    return false
  end
  if owner == name then
    if renewing then redis.call('EXPIRE', lock, lockSeconds) end
    return true
  end
  if owner then return false end
  redis.call('PERSIST', lock)
  redis.call('SET', lock, name, 'EX', lockSeconds)
  return true
end

local now = string.format('%.6f', nowSeconds + nowMicros / 1000000)

local function moveDue(q, scheduled)
  q.list, q.failed, q.events = queuePrefix .. q.name, failedPrefix .. q.name, eventsPrefix .. q.name
  local wrong = misfit(q.list, 'list') or misfit(q.failed, 'zset') or misfit(q.events, 'stream')
  if wrong then
    faults[#faults + 1] = wrong
    return false
  end
  local before = moved
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', scheduled, 0, now, 'LIMIT', 0, most - moved)) do
    moved = moved + redis.call('ZREM', scheduled, id)
    enqueueDue(q, KEYS[2], jobPrefix .. id, id, failureTtl)
  end
  if moved > before then redis.call('SADD', KEYS[3], q.list) end
  return true
end

-- Milliseconds until the first of a queue's scheduled jobs is due. A score below 0 means never, as in RQ.
local function msToNext(scheduled)
  local first = redis.pcall('ZRANGEBYSCORE', scheduled, 0, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if first.err then
    faults[#faults + 1] = misfit(scheduled, 'zset')
    return -1
  end
  local due = first[2] and tonumber(first[2])
  if not due or due > 1e12 then return -1 end
  return math.max(0, math.ceil(due * 1000 - nowMs))
end

for n = 4, #KEYS do
  local scheduled, q = KEYS[n], { name = ARGV[5 + n] }
  if isOurs(schedulerLockPrefix .. q.name) then
    held = held + 1
    local ms = msToNext(scheduled)
    if ms == 0 then ms = moveDue(q, scheduled) and msToNext(scheduled) or -1 end
    if ms >= 0 and (nextMs < 0 or ms < nextMs) then nextMs = ms end
  end
end
if renewing and held > 0 then
  redis.call('HSET', KEYS[1], 'name', name, 'hostname', ARGV[7], 'pid', ARGV[8],
    'queues', table.concat(ARGV, ',', 9), 'last_heartbeat', nowText)
  redis.call('HSETNX', KEYS[1], 'created_at', nowText)
  redis.call('EXPIRE', KEYS[1], lockSeconds)
end
freeDependents()
appendEvents('', ARGV[5])
return { moved, nextMs, held, faults }
