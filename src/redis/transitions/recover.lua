-- uses: clock types statuses elsewhere log events notes ended parents dependents rate-limit forget fail earlier-life bring-back
-- Takes executions away from a dead owner. Either the lease of the worker ran out (its tag is the first 12
-- characters of the execution), or that of the job in `rq:wip` did, or there is none at all any more (a stray: RQ 1.x
-- drops entries that it cannot read, and leaves their jobs alone). The caller saw the score unchanged over
-- longer than a heartbeat, by its own monotonic clock; a score that moved since means that the owner lives.
-- Atomic because several recoverers, Python's cleaner and the owner may meet here: ZREM lets one win.
--
-- KEYS  1 queue list   2 wip   3 leases   4 failed   5 scheduled   6 events   7 FailedQueue list   8 rq:queues
-- ARGV  1 job prefix   2 executions prefix   3 execution prefix   4 event log length   5 failure ttl, s
--       6 recoveries allowed   7 number of members, then for each: member, score seen, 'worker', 'job' or 'stray'
--         of a stray the member is its id, with `:<x_exec>` where it was claimed ahead, and the score its
--         `started_at`, or `enqueued_at`
-- Returns a letter for each: r recovered, b handed back (never begun), q quarantined, s skipped (alive or
--         taken), d dropped (its job needs nothing).
local wrong = misfit(KEYS[1], 'list') or misfit(KEYS[2], 'zset') or misfit(KEYS[3], 'zset') or misfit(KEYS[4], 'zset')
  or misfit(KEYS[5], 'zset') or misfit(KEYS[6], 'stream') or misfit(KEYS[7], 'list') or misfit(KEYS[8], 'set')
if wrong then return typeError(wrong) end
local q = { list = KEYS[1], wip = KEYS[2], leases = KEYS[3], failed = KEYS[4], scheduled = KEYS[5], events = KEYS[6] }
local failedQueueKey, queuesKey = KEYS[7], KEYS[8]
local jobPrefix, executionsPrefix, executionPrefix = ARGV[1], ARGV[2], ARGV[3]
local failureTtl, allowed = tonumber(ARGV[5]), tonumber(ARGV[6])
local verdicts = {}

-- Whether nothing holds the job, and it is still in the run, or the claim, in which it was seen.
local function isStray(member, seen)
  local id, execution = split(member)
  local name = string.sub(q.list, 10)
  if isHeld(q.wip, id) or endIn(name, id) or waitsIn(name, id) then return false end
  local f = redis.pcall('HMGET', jobPrefix .. id, 'status', 'x_exec', 'started_at', 'enqueued_at')
  if f[1] == 'started' then return execution == '' and f[3] == seen end
  return f[1] == 'queued' and execution ~= '' and f[2] == execution and f[4] == seen
end

-- Whether the score is still the one seen and the time it names has passed.
local function isOver(kind, member, seen)
  if kind == 'stray' then return isStray(member, seen) end
  if kind == 'worker' then
    local tag = string.match(member, '^[^:]*:(' .. string.rep('%x', 12) .. ')')
    local score = tag and redis.call('ZSCORE', q.leases, tag)
    return score and score == seen and tonumber(score) <= nowMs
  end
  local score = redis.call('ZSCORE', q.wip, member)
  return score and score == seen and tonumber(score) <= nowSeconds
end

-- Out of the registry; false when somebody else was faster.
local function take(member)
  if redis.call('ZREM', q.wip, member) == 0 then return false end
  letGo(q.wip, (split(member)))
  return true
end

local function judge(member)
  local id, execution = split(member)
  local jobKey = jobPrefix .. id
  if execution ~= '' then
    redis.call('DEL', executionPrefix .. member)
    if not misfit(executionsPrefix .. id, 'zset') then redis.call('ZREM', executionsPrefix .. id, execution) end
  end
  local f = redis.pcall('HMGET', jobKey, 'status', 'x_exec', 'retries_left', 'x_recoveries', 'failure_ttl', 'x_attempt', 'rate_limit_key')
  if f.err or not f[1] and redis.call('HEXISTS', jobKey, 'data') == 0 then return 'd' end
  local name = string.sub(q.list, 10)
  -- Canceled while it ran, it may say again that it runs: RQ's `save()`.
  local hasItsEnd = hasEndedAs(f[1], name, id) or f[1] == 'started' and isCanceled(name, id)
  local isAhead = execution ~= '' and f[2] == execution and f[1] ~= 'started' and not hasItsEnd
  -- Its handler may have begun in the moment before the worker died: the next run needs a fence of its own.
  if isAhead then redis.call('HSET', jobKey, 'x_attempt', (integer(f[6]) or 0) + 1) end
  if isAhead and f[1] == 'queued' then
    redis.call('HDEL', jobKey, 'x_exec')
    redis.call('LPUSH', q.list, id)
    note(q.events, 70, 'handedBack', { jobId = id, execution = execution, reason = 'its worker is gone; no begin was reported' })
    return 'b'
  end
  local isKnown = not f[1] or isStatus(f[1])
  if hasItsEnd or isHeld(q.wip, id) then return 'd' end
  local origin = redis.call('HGET', jobKey, 'origin') or ''
  if f[1] ~= 'started' and (waitsIn(name, id) or origin ~= name and waitsIn(origin, id)) then return 'd' end
  redis.call('HDEL', jobKey, 'x_exec')
  local verdict = 'b'
  if isKnown then
    verdict = bringBack(q, failedQueueKey, jobKey, id, execution, f[3], f[4], f[5], allowed, failureTtl)
  else
    redis.call('LPUSH', q.list, id)
    note(q.events, 70, 'handedBack', { jobId = printable(id), execution = execution, reason = 'its worker is gone; nobody knows its status' })
  end
  if f[7] then settleSlot(f[7], id) end
  return verdict
end

local arg = 7
for i = 1, tonumber(ARGV[7]) do
  local member, seen, kind = ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 3]
  arg = arg + 3
  if not isOver(kind, member, seen) then
    verdicts[i] = 's'
  else
    -- Gone from wip: its owner settled it, or another cleaner took it away before us and has dealt with it.
    verdicts[i] = (kind == 'stray' or take(member)) and judge(member) or 'd'
  end
end
freeDependents()
appendEvents('', ARGV[4])
return table.concat(verdicts)
