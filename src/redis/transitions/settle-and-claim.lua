-- uses: clock types log events fail stop
-- A worker's one exchange with Redis: hands in how jobs ended, and takes as many new ones as it has room
-- for, in the order of its queues. Atomic because an outcome counts only while its own lease is there,
-- because a job must never be in two places or in none, and because the event must exist exactly if the
-- change does.
--
-- The same request id again answers what it answered before and changes nothing: a reply can be lost
-- after the script ran. ZREM, LREM and LPOP come first, so that it works over maxmemory.
--
-- KEYS  1 stored reply   2 worker hash   3 FailedQueue list   4 rq:queues
--       then 7 for each queue: list, intermediate, wip, finished, failed, scheduled, events
-- ARGV  1 request id, 24 hex: the worker's tag, then a number that only grows   2 worker   3 job prefix   4 results prefix   5 executions prefix
--       6 execution prefix   7 first-seen infix   8 lease, s   9 event log length   10 result ttl, s
--       11 failure ttl, s   12 payload limit, bytes   13 jobs to start   14 jobs to hold (claimed, begun later)
--       15 hints   16 begun   17 settlements   18 how long the reply is kept, s
--       19 ms of work to add to the worker's time, or '': its sum is a long float, too dear for every call
--       hint: queue number, id                      brought by the blocking pop, still in `intermediate`
--       begun: queue number, id, execution, ms ago  a held job whose handler began
--       settlement: queue number, id, execution, marks, ms since it began, ms it took, kind, first, second, third
--         marks: sum of 1 results go to the stream, 2 it has execution keys, 4 it was held, 8 its begin was not reported
--         finish: result bytes or '', has a result 0/1, -
--         fail:   traceback for the job hash, the same for the results stream, {reason, retryable} as JSON
--         stop:   as fail, but the third is the reason alone: to the FailedQueue with status `stopped`
--         back:   reason, -, -                   to the head of its queue
--         pass:   reason, how often at most, -   to the end, for another worker; this one passes it over for a
--                                                while; after that often quarantined, unless a worker of
--                                                Python's serves the queue
-- Returns { verdicts, ids left in the queues (0 when all that was seen is for others), faults, claimed }
--   verdicts: a letter for each settlement: f finished, r retried, q quarantined, s stopped, h handed back,
--             l lost, g gone, c canceled, x refused (fault)
--   An error RXRQSTALE, and nothing done, for a request that is older than the last one answered in its slot.
--   faults:   texts; a queue named in one takes no part until it is mended
--   claimed:  id, data, meta, 'queue execution started attempt timeout stream enqueued_at' of each job

local replyKey, workerKey, failedQueueKey, queuesKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local request, worker = ARGV[1], ARGV[2]
local jobPrefix, resultsPrefix, executionsPrefix, executionPrefix, firstSeen = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local lease, logLength = tonumber(ARGV[8]), tonumber(ARGV[9])
local defaultResultTtl, defaultFailureTtl, payloadLimit = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local toStart, toHold = tonumber(ARGV[13]), tonumber(ARGV[14])
local hints, begun, settlements = tonumber(ARGV[15]), tonumber(ARGV[16]), tonumber(ARGV[17])
local keepReply, workedMs = ARGV[18], ARGV[19]

-- A number handed to redis.call is printed with all its digits each time; these few are printed once.
local leaseEnd = tostring(nowSeconds + lease)
local textOf = setmetatable({}, { __index = function(memo, number)
  local text = tostring(number)
  memo[number] = text
  return text
end })

local queues, faults = {}, {}
for n = 1, (#KEYS - 4) / 7 do
  local k = 4 + (n - 1) * 7
  local q = { list = KEYS[k + 1], intermediate = KEYS[k + 2], wip = KEYS[k + 3], finished = KEYS[k + 4],
    failed = KEYS[k + 5], scheduled = KEYS[k + 6], events = KEYS[k + 7], wipAdds = {}, finishedAdds = {},
    looked = false, fault = false }
  queues[n] = q
end

-- Only the queues that a call touches are looked at: a worker may serve many and have work in one.
local function faultOf(q)
  if not q.looked then
    q.looked = true
    q.fault = misfit(q.list, 'list') or misfit(q.wip, 'zset') or misfit(q.finished, 'zset') or misfit(q.failed, 'zset')
      or misfit(q.events, 'stream')
    if q.fault then faults[#faults + 1] = q.fault end
  end
  return q.fault
end

-- What only a failing job needs is looked at when one fails.
local function retryFaultOf(q)
  if faultOf(q) then return q.fault end
  q.fault = misfit(q.scheduled, 'zset') or misfit(queuesKey, 'set') or false
  if q.fault then faults[#faults + 1] = q.fault end
  return q.fault
end

local workerFault, workerFields = misfit(workerKey, 'hash')
local shared = workerFault or misfit(replyKey, 'string') or misfit(failedQueueKey, 'list')
if shared then return typeError(shared) end

local claimed = {}

-- What the worker needs to run a job, and no more: parsing replies costs it more than anything here.
local function answer(n, id, data, meta, execution, started, attempt, timeout, stream, enqueuedAt)
  local at = #claimed
  claimed[at + 1], claimed[at + 2], claimed[at + 3] = id, data, meta
  claimed[at + 4] = table.concat({ n, execution, started, attempt, timeout, stream, enqueuedAt }, ' ')
end

local stored = redis.call('GET', replyKey)
local last = stored and string.sub(stored, 1, 24)
-- A copy of a call that the network held up comes after its caller went on: nobody would hear of what it claims.
if last and last > request and string.sub(last, 1, 12) == string.sub(request, 1, 12) then
  return redis.error_reply('RXRQSTALE request ' .. request .. ' is older than ' .. last)
end
if last == request then
  local verdicts, left, list = unpack(cmsgpack.unpack(string.sub(stored, 25)))
  for i = 1, #list, 5 do
    local n, id, execution, started, attempt = list[i], list[i + 1], list[i + 2], list[i + 3], list[i + 4]
    local jobKey = jobPrefix .. id
    -- Recovered meanwhile: somebody else's now.
    if not faultOf(queues[n]) and redis.call('ZSCORE', queues[n].wip, id .. ':' .. execution) then
      local f = redis.pcall('HMGET', jobKey, 'timeout', 'success_callback_name', 'enqueued_at', 'data', 'meta')
      if f[4] then answer(n, id, f[4], f[5], execution, started, attempt, f[1] or '180', f[2] and 1 or 0, f[3] or '') end
    end
  end
  return { verdicts, left, faults, claimed }
end

local arg = 19
local changed = false

-- A popped element is only a hint: back to the head of its queue, and the claim below takes the best. Also
-- where another key of the queue is broken: in the in-flight list it would lie until a janitor comes.
for i = 1, hints do
  local q, id = queues[tonumber(ARGV[arg + 1])], ARGV[arg + 2]
  arg = arg + 2
  if not misfit(q.list, 'list') and redis.pcall('LREM', q.intermediate, 1, id) == 1 then
    redis.call('LPUSH', q.list, id)
    redis.call('DEL', q.intermediate .. firstSeen .. id)
  end
end

-- Many jobs of a batch began in the same millisecond.
local textOfStart = {}
local function startedText(agoMs)
  local text = textOfStart[agoMs]
  if not text then
    text = utcTextAgo(agoMs)
    textOfStart[agoMs] = text
  end
  return text
end

-- The start of a held job, told when its handler has begun.
local function begin(q, jobKey, id, execution, starts, agoMs)
  local attempt = (integer(starts) or 0) + 1
  redis.call('HSET', jobKey, 'status', 'started', 'started_at', startedText(agoMs), 'worker_name', worker, 'x_attempt', textOf[attempt])
  noteWords(q.events, 10, 'started', id, execution, attempt)
end

-- Over maxmemory Redis lets a script pass whose first write frees; the stored reply is out of date anyway.
if begun > 0 then redis.call('DEL', replyKey) end
for i = 1, begun do
  local q, id, execution, agoMs = queues[tonumber(ARGV[arg + 1])], ARGV[arg + 2], ARGV[arg + 3], tonumber(ARGV[arg + 4])
  arg = arg + 4
  local jobKey = jobPrefix .. id
  if not faultOf(q) and redis.call('ZSCORE', q.wip, id .. ':' .. execution) then
    local f = redis.pcall('HMGET', jobKey, 'status', 'x_exec', 'x_attempt')
    if f[1] == 'queued' and f[2] == execution then
      begin(q, jobKey, id, execution, f[3], agoMs)
      changed = true
    end
  end
end

local succeeded, failedAttempts = 0, 0
local verdicts = {}

local function streamResult(id, kind, field, value, execution, tookMs, ttl)
  local key = resultsPrefix .. id
  local ended = string.format('%.6f', nowSeconds + nowMicros / 1000000)
  local began = string.format('%.6f', nowSeconds + nowMicros / 1000000 - tookMs / 1000)
  local entry = { 'type', kind, 'worker_name', worker, 'execution_id', execution,
    'execution_started_at', began, 'execution_ended_at', ended }
  if field then
    entry[#entry + 1] = field
    entry[#entry + 1] = value
  end
  if type(redis.pcall('XADD', key, 'MAXLEN', '~', 10, '*', unpack(entry))) == 'table' then
    -- Whatever else lies under this name is nobody's result, and must not stop a job from ending.
    redis.call('DEL', key)
    redis.call('XADD', key, '*', unpack(entry))
  end
  if ttl < 0 then redis.call('PERSIST', key) else redis.call('EXPIRE', key, ttl) end
end

local settle = { finish = false, fail = false, stop = false, back = false, pass = false }

function settle.finish(q, jobKey, id, execution, run, result, hasResult)
  local ttl = integer(run.resultTtl) or defaultResultTtl
  succeeded = succeeded + 1
  noteWords(q.events, 20, 'finished', id, execution, run.tookMs)
  if ttl == 0 then
    redis.call('DEL', jobKey)
    return 'f'
  end
  local inHash = hasResult == '1' and not run.stream
  if run.startedAt then
    -- Begun and ended since the last call: one write for both.
    redis.call('HSET', jobKey, 'status', 'finished', 'ended_at', nowText, 'started_at', run.startedAt, 'worker_name', worker,
      'x_attempt', textOf[run.attempt], inHash and 'result' or 'status', inHash and result or 'finished')
  elseif inHash then
    redis.call('HSET', jobKey, 'status', 'finished', 'ended_at', nowText, 'result', result)
  else
    redis.call('HSET', jobKey, 'status', 'finished', 'ended_at', nowText)
  end
  if run.stream then streamResult(id, 1, hasResult == '1' and 'return_value', result, execution, run.tookMs, ttl) end
  local adds = q.finishedAdds
  if ttl < 0 then
    redis.call('PERSIST', jobKey)
    adds[#adds + 1] = '+inf'
  else
    redis.call('EXPIRE', jobKey, textOf[ttl])
    adds[#adds + 1] = textOf[nowSeconds + ttl]
  end
  adds[#adds + 1] = id
  return 'f'
end

function settle.fail(q, jobKey, id, execution, run, forHash, forStream, verdict)
  local f = redis.call('HMGET', jobKey, 'retries_left', 'retry_intervals', 'failure_ttl', 'enqueue_at_front_on_retry')
  local why = cjson.decode(verdict)
  failedAttempts = failedAttempts + 1
  note(q.events, 30, 'failed', { jobId = id, execution = execution, reason = why.reason })
  local retriesLeft = integer(f[1]) or 0
  if retriesLeft > 0 and why.retryable then
    retry(q, queuesKey, jobKey, id, retriesLeft, retryDelay(f[2], retriesLeft), f[4] == '1')
    return 'r'
  end
  local ttl = integer(f[3]) or defaultFailureTtl
  quarantine(q, failedQueueKey, jobKey, id, why.reason, not run.stream and forHash or nil, ttl)
  if run.stream and ttl ~= 0 then streamResult(id, 2, 'exc_string', forStream, execution, run.tookMs, ttl) end
  return 'q'
end

function settle.stop(q, jobKey, id, execution, run, forHash, forStream, reason)
  failedAttempts = failedAttempts + 1
  local ttl = stop(q, failedQueueKey, jobKey, id, execution, reason, not run.stream and forHash or nil, defaultFailureTtl)
  if run.stream and ttl ~= 0 then streamResult(id, 2, 'exc_string', forStream, execution, run.tookMs, ttl) end
  return 's'
end

function settle.back(q, jobKey, id, execution, _, reason)
  redis.call('HSET', jobKey, 'status', 'queued')
  redis.call('LPUSH', q.list, id)
  note(q.events, 70, 'handedBack', { jobId = id, execution = execution, reason = reason })
  return 'h'
end

-- Python's workers may have functions that none of ours has, and take long to come to them, one job at a time.
local function isServedByPython(q)
  local members = redis.pcall('SMEMBERS', 'rq:workers:' .. string.sub(q.list, 10))
  for _, key in ipairs(members) do
    local version = redis.pcall('HGET', key, 'version')
    if type(version) == 'string' and version ~= 'rxrq' then return true end
  end
  return false
end

-- This worker leaves it alone for a while, longer each time: whoever else serves the queue comes first.
function settle.pass(q, jobKey, id, execution, _, reason, limit)
  local f = redis.call('HMGET', jobKey, 'x_passes', 'failure_ttl')
  local passes = (integer(f[1]) or 0) + 1
  if passes > tonumber(limit) and not isServedByPython(q) then
    local ttl = integer(f[2]) or defaultFailureTtl
    quarantine(q, failedQueueKey, jobKey, id, reason, reason, ttl)
    return 'q'
  end
  local untilMs = nowMs + 100 * 2 ^ math.min(passes, 8)
  redis.call('HSET', jobKey, 'status', 'queued', 'x_passes', textOf[passes],
    'x_passed', string.sub(request, 1, 12) .. string.format(' %d', untilMs))
  redis.call('RPUSH', q.list, id)
  note(q.events, 70, 'handedBack', { jobId = id, execution = execution, reason = reason })
  return 'h'
end

local run = { stream = false, resultTtl = false, tookMs = 0, startedAt = false, attempt = 0 }
for i = 1, settlements do
  local q, id, execution = queues[tonumber(ARGV[arg + 1])], ARGV[arg + 2], ARGV[arg + 3]
  local marks, kind = tonumber(ARGV[arg + 4]), ARGV[arg + 7]
  local member, jobKey = id .. ':' .. execution, jobPrefix .. id
  if faultOf(q) or kind == 'fail' and retryFaultOf(q) then
    verdicts[i] = 'x'
  elseif redis.call('ZREM', q.wip, member) == 0 then
    changed = true
    local status = redis.pcall('HGET', jobKey, 'status')
    verdicts[i] = not status and 'g' or status == 'canceled' and 'c' or 'l'
    if verdicts[i] == 'l' then note(q.events, 40, 'lost', { jobId = id, execution = execution, outcome = kind }) end
  else
    changed = true
    local held, beaten = marks >= 4, marks % 4 >= 2
    local f
    if held then f = redis.pcall('HMGET', jobKey, 'status', 'result_ttl', 'x_exec', 'x_attempt')
    else f = redis.pcall('HMGET', jobKey, 'status', 'result_ttl') end
    local status = f[1]
    if beaten then
      -- Execution keys exist only for jobs that lived to see a heartbeat.
      redis.call('DEL', executionPrefix .. member)
      redis.pcall('ZREM', executionsPrefix .. id, execution)
    end
    -- A job that says `queued` and is not held by us was put back by somebody else: it is not ours any more.
    local isOurs = status == 'started' or held and status == 'queued' and f[3] == execution
    if isOurs and (beaten or held) then redis.call('HDEL', jobKey, 'x_exec', 'x_beat') end
    if isOurs then
      run.stream, run.resultTtl, run.tookMs = marks % 2 == 1, f[2], tonumber(ARGV[arg + 6])
      run.startedAt = false
      if status == 'queued' and (marks >= 8 or kind ~= 'back' and kind ~= 'pass') then
        local agoMs = marks >= 8 and tonumber(ARGV[arg + 5]) or run.tookMs
        if kind == 'finish' then
          run.startedAt, run.attempt = startedText(agoMs), (integer(f[4]) or 0) + 1
          noteWords(q.events, 10, 'started', id, execution, run.attempt)
        else
          begin(q, jobKey, id, execution, f[4], agoMs)
        end
      end
      verdicts[i] = settle[kind](q, jobKey, id, execution, run, ARGV[arg + 8], ARGV[arg + 9], ARGV[arg + 10])
    elseif not status then
      -- Deleted while it ran: writing anything would bring back a hash without payload.
      verdicts[i] = 'g'
    else
      verdicts[i] = status == 'canceled' and 'c' or 'l'
      if verdicts[i] == 'l' then note(q.events, 40, 'lost', { jobId = id, execution = execution, outcome = kind }) end
    end
  end
  arg = arg + 10
end

for _, q in ipairs(queues) do
  if #q.finishedAdds > 0 then redis.call('ZADD', q.finished, unpack(q.finishedAdds)) end
end
if succeeded + failedAttempts > 0 and workerFields > 0 then
  -- A count that somebody made unreadable must not undo how the jobs ended.
  if succeeded > 0 then redis.pcall('HINCRBY', workerKey, 'successful_job_count', succeeded) end
  if failedAttempts > 0 then redis.pcall('HINCRBY', workerKey, 'failed_job_count', failedAttempts) end
  if workedMs ~= '' then redis.pcall('HINCRBYFLOAT', workerKey, 'total_working_time', workedMs / 1000) end
end

local taken, scanned, record = 0, 0, {}

-- The same id further back in the list: its lease of this call is not written yet.
local function isTakenNow(id)
  for at = 2, #record, 5 do
    if record[at] == id then return true end
  end
  return false
end

local holders = {}

-- Whether any execution of a job that says `started` still holds a lease; if none does, its id in the
-- queue is the only thing left of it and must run. Rare, and looked up once a call: a wip registry is as long
-- as a fleet is wide. An id that somebody moved to another list may be held in the registry of its origin.
local function isHeld(wip, id)
  local ids = holders[wip]
  if not ids then
    ids = {}
    for _, member in ipairs(redis.pcall('ZRANGE', wip, 0, -1)) do ids[string.match(member, '^[^:]*')] = true end
    holders[wip] = ids
  end
  return ids[id]
end

local function heldByAnyone(q, jobKey, id)
  if isTakenNow(id) or isHeld(q.wip, id) then return true end
  local origin, name = redis.call('HGET', jobKey, 'origin'), string.sub(q.list, 10)
  return origin and origin ~= name and isHeld(string.sub(q.wip, 1, -#name - 1) .. origin, id)
end

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

-- Names the first field that RQ's readers could not read. An odd field is kept aside and removed, so that
-- the quarantined job can be looked at and requeued from Python as well. Jobs of our own making were checked
-- when they were made; whatever somebody did to them since is read with defaults.
local function oddField(jobKey, timeout, ours)
  local odd
  local limit = timeout and integer(timeout)
  if timeout and (not limit or limit < -1) then odd = 'timeout'
  elseif not ours then
    local names = { 'result_ttl', 'failure_ttl', 'retries_left', 'enqueued_at', 'created_at' }
    local f = redis.call('HMGET', jobKey, unpack(names))
    for i, name in ipairs(names) do
      if f[i] and (i <= 3 and not integer(f[i]) or i > 3 and f[i] ~= '' and not isDate(f[i])) then
        odd = name
        break
      end
    end
  end
  if odd then
    redis.call('HSET', jobKey, 'x_odd_' .. odd, string.sub(redis.call('HGET', jobKey, odd), 1, 200))
    redis.call('HDEL', jobKey, odd)
  end
  return odd
end

-- Whether RQ knows the word. Asked for few jobs only: most are `queued`.
local function isStatus(word)
  return ({ created = true, queued = true, started = true, finished = true, failed = true, stopped = true,
    scheduled = true, deferred = true, canceled = true, rate_limited = true, ready_to_enqueue = true })[word]
end

-- Whether this worker passed the job on a moment ago, for want of a handler. Another worker may have one.
local function isPassedByUs(passed)
  local untilMs = string.sub(passed, 1, 12) == string.sub(request, 1, 12) and integer(string.sub(passed, 14))
  return untilMs and untilMs > nowMs
end

-- One id off the head of a queue: run it, or say why it must not run. Python RQ always writes
-- `success_callback_name`, if only empty; we do when a result is wanted in RQ's stream.
local function take(n, q, id)
  if #id > 200 or not string.find(id, '^[A-Za-z0-9_-]+$') then
    note(q.events, 80, 'dropped', { jobId = printable(id), reason = 'not an id that RQ accepts' })
    return
  end
  local jobKey = jobPrefix .. id
  local f = redis.pcall('HMGET', jobKey, 'status', 'x_exec', 'x_attempt', 'timeout', 'success_callback_name', 'enqueued_at', 'ttl', 'meta', 'data', 'x_passed')
  if f.err then
    note(q.events, 80, 'dropped', { jobId = id, reason = 'the job key is not a hash' })
    return
  end
  local status, data, meta = f[1], f[9], f[8]
  if not status and not data then
    note(q.events, 80, 'dropped', { jobId = id, reason = redis.call('EXISTS', jobKey) == 1 and 'the hash has no data' or 'no hash' })
    return
  end
  local reason
  if status and status ~= 'queued' and not isStatus(status) then reason = 'unknown status ' .. printable(string.sub(status, 1, 40))
  elseif status == 'started' and heldByAnyone(q, jobKey, id) then
    note(q.events, 80, 'dropped', { jobId = id, reason = 'it is running already' })
    return
  elseif status and status ~= 'queued' and status ~= 'created' and status ~= 'started' then
    note(q.events, 80, 'dropped', { jobId = id, reason = 'its status is ' .. status })
    return
  elseif f[2] and (isTakenNow(id) or redis.call('ZSCORE', q.wip, id .. ':' .. f[2])) then
    note(q.events, 80, 'dropped', { jobId = id, reason = 'it is claimed already' })
    return
  elseif f[10] and isPassedByUs(f[10]) then
    q.passed = q.passed or {}
    q.passed[#q.passed + 1] = id
    return
  elseif not data then reason = 'field data is missing'
  elseif #data > payloadLimit then reason = 'field data holds ' .. #data .. ' bytes, the limit is ' .. payloadLimit
  elseif meta and #meta > payloadLimit then reason = 'field meta holds ' .. #meta .. ' bytes, the limit is ' .. payloadLimit
  else
    local odd = oddField(jobKey, f[4], not f[5])
    if odd then reason = 'field ' .. odd .. ' cannot be read' end
  end
  if reason then
    local more = redis.call('HMGET', jobKey, 'origin', 'failure_ttl')
    if not more[1] or more[1] == '' then redis.call('HSET', jobKey, 'origin', string.sub(q.list, 10)) end
    quarantine(q, failedQueueKey, jobKey, id, reason, 'Quarantined when claimed: ' .. reason, integer(more[2]) or defaultFailureTtl)
    return
  end

  taken = taken + 1
  local execution = request .. string.format('%08x', taken)
  local starts = integer(f[3]) or 0
  local attempt = starts + 1
  local started = taken <= toStart
  -- A time to live counts until the start. A requeued job may carry that of its failure (RQ leaves it).
  if f[7] or starts > 0 or f[5] then redis.call('PERSIST', jobKey) end
  if started then
    -- Left by a hold that somebody else ended: with it the fence would be another execution's.
    if f[2] then redis.call('HDEL', jobKey, 'x_exec') end
    redis.call('HSET', jobKey, 'status', 'started', 'started_at', nowText, 'worker_name', worker, 'x_attempt', textOf[attempt])
    noteWords(q.events, 90, 'started', id, execution, attempt)
  else
    redis.call('HSET', jobKey, 'x_exec', execution)
    if status ~= 'queued' then redis.call('HSET', jobKey, 'status', 'queued') end
  end
  local wip = q.wipAdds
  wip[#wip + 1] = leaseEnd
  wip[#wip + 1] = id .. ':' .. execution
  answer(n, id, data, meta, execution, started and 1 or 0, attempt, f[4] or '180', f[5] and 1 or 0, f[6] and #f[6] <= 40 and f[6] or '')
  local at = #record
  record[at + 1], record[at + 2], record[at + 3], record[at + 4], record[at + 5] = n, id, execution, started and 1 or 0, attempt
end

local wanted = toStart + toHold
local left, passedOver = 0, false
for n, q in ipairs(queues) do
  local waiting = 0
  if wanted > 0 then
    waiting = redis.pcall('LLEN', q.list)
    if type(waiting) == 'table' then waiting = faultOf(q) and 0 end
  end
  if waiting > 0 and not faultOf(q) then
    local scannedBefore = scanned
    while taken < wanted and scanned < 1000 do
      local many = math.min(wanted - taken, 1000 - scanned)
      local ids = redis.call('LPOP', q.list, many)
      if not ids then break end
      changed = true
      scanned = scanned + #ids
      for _, id in ipairs(ids) do take(n, q, id) end
      if #ids < many then break end
    end
    if #q.wipAdds > 0 then redis.call('ZADD', q.wip, unpack(q.wipAdds)) end
    left = left + waiting - (scanned - scannedBefore)
    if q.passed then
      redis.call('RPUSH', q.list, unpack(q.passed))
      passedOver = true
    end
  end
end
-- Nothing here is for this worker: to be told that more waits, it would look again at once, and again.
if passedOver and taken == 0 then left = 0 end

local answers = table.concat(verdicts)
if changed then
  appendEvents(worker, logLength)
  redis.call('SET', replyKey, request .. cmsgpack.pack({ answers, left, record }), 'EX', keepReply)
end
return { answers, left, faults, claimed }
