-- uses: clock types log events ended
-- A worker's one exchange with Redis: hands in how jobs ended, and takes as many new ones as it has room
-- for, in the order of its queues. Atomic because an outcome counts only while its own lease is there,
-- because a job must never be in two places or in none, and because the event must exist exactly if the
-- change does.
--
-- The same request id again answers what it answered before and changes nothing: a reply can be lost
-- after the script ran. A call that changed nothing leaves no trace, unless it is one that was asked again: then a copy of it
-- may still be under way, and must find that it comes too late. ZREM, LREM and LPOP come first, so that it works over maxmemory.
--
-- KEYS  1 stored reply   2 worker hash
--       then 4 for each queue: list, wip, finished, events; its others are named where they are needed, which is seldom
--       then rq:suspended, of each queue the key that pauses it, and of each the key of its limit of starts
-- ARGV  1 request id, 24 hex: the worker's tag, then a number that only grows   2 worker   3 lease, s
--       4 event log length   5 result ttl, s   6 failure ttl, s   7 payload limit, bytes
--       8 jobs to start   9 jobs to hold (claimed, begun later)   10 runs of settlements
--       11 '' for nearly every call, else: hints, begun, 1 when it was sent before and not answered else 0, ms of work to add
--          to the worker's time (its sum is a long float, too dear for every call); then, where it takes from the queues in
--          turns, the order of parts/turns.lua
--       hint: queue number, id                      brought by the blocking pop, still in `intermediate`
--       begun: queue number, id, execution, ms ago  a held job whose handler began
--       run: how many settlements, queue number, kind and marks of each of them, in one word; then
--       settlement: id, execution, ms it took; with any kind but `finish` first; of those that did not finish second, third
--         marks: sum of 1 results go to the stream, 2 it has execution keys, 4 it was held, 8 its begin was not reported: ms
--                since then follow, 16 it has a rate limit: its key follows, 32 it was new when it was claimed
--         done:   finished, with these bytes as its result
--         finish: the same without a result
--         fail:   traceback for the job hash, the same for the results stream, {reason, retryable} as JSON; with `max`
--                 and `intervals` (JSON text) when its handler asked for another run, with `forPython` when a worker of
--                 Python's might run what ours cannot: then as pass, where one serves the queue
--         stop:   as fail, but the third is the reason alone: to the FailedQueue with status `stopped`
--         back:   reason, -, -                   to the head of its queue
--         pass:   reason, how often at most, -   to the end, for another worker; this one passes it over for a
--                                                while; after that often quarantined, unless a worker of
--                                                Python's serves the queue
-- Returns { verdicts, ids left in the queues (0 when all that was seen is for others), number of jobs claimed, paused,
--   claimed …, faults … }, flat, because Redis looks into each table of a reply for a dozen things that it could be
--   verdicts: a letter for each settlement: f finished, r retried, q quarantined, s stopped, h handed back,
--             l lost, g gone, c canceled, x refused (fault)
--   An error RXRQSTALE, and nothing done, for a request that is older than the last one answered in its slot.
--   faults:   texts; a queue named in one takes no part until it is mended
--   behind them, for jobs with callbacks or webhooks, and for those that were quarantined unclaimed, a table; parts/afterwards.lua
--   paused:   '' unless something is: words, 0 for all workers, n for the queue of that number; nothing was taken from it;
--             and behind a semicolon queues that have used up their limit of starts: number, ms until more may start, …
--   claimed:  'id queue execution started attempt timeout kind', data, meta, enqueued_at for each job; of one with a rate
--             limit a blank and the key follow. Kind: 1 its result goes to the stream, 2 it is new, 0 neither

-- names: jobPrefix executionsPrefix executionPrefix firstSeenPrefix intermediateSuffix
local replyKey, workerKey = KEYS[1], KEYS[2]
local request, worker = ARGV[1], ARGV[2]
local logLength, defaultResultTtl, payloadLimit = ARGV[4], ARGV[5], tonumber(ARGV[7])
local toStart = tonumber(ARGV[8])
local wanted = ARGV[9] == '0' and toStart or toStart + ARGV[9]
local hints, begun, isAskedAgain, workedMs, order = 0, 0, false, '', ''
if ARGV[11] ~= '' then
  local words = {}
  for word in string.gmatch(ARGV[11], '%S+') do words[#words + 1] = word end
  hints, begun, isAskedAgain, workedMs = tonumber(words[1]), tonumber(words[2]), words[3] == '1', words[4]
  order = table.concat(words, ' ', 5)
end
-- A reply can be asked for again for so long, in seconds.
local keepReply = '3600'

-- A number is printed with all its digits each time it becomes text, which costs more than a command. What is
-- written for every job is therefore text from the beginning.
local leaseEnd = string.format('%d', nowSeconds + ARGV[3])

local queues, faults = {}, {}
for n = 1, (#KEYS - 3) / 6 do
  local k = n * 4 - 1
  local number = n == 1 and '1' or tostring(n)
  local q = { number = number, name = '', list = KEYS[k], wip = KEYS[k + 1], finished = KEYS[k + 2], events = KEYS[k + 3],
    looked = false, fault = false, finishedAdds = false, wipAdds = false, ended = false, begun = false, waiting = 0 }
  queues[n], queues[number] = q, q
end

-- Only the queues that a call touches are looked at: a worker may serve many and have work in one.
local function faultOf(q)
  if not q.looked then
    q.looked, q.name = true, string.sub(q.list, 10)
    q.fault = misfit(q.wip, 'zset') or misfit(q.finished, 'zset') or misfit(q.events, 'stream')
    if q.fault then faults[#faults + 1] = q.fault end
  end
  return q.fault
end

-- Whether jobs can be taken from the queue's list, and how many there are.
local function listFaultOf(q)
  local fault, size = misfit(q.list, 'list')
  if fault and not q.fault then
    q.fault = fault
    faults[#faults + 1] = fault
  end
  return fault, size
end

local reply, taken = { '', 0, 0, '' }, 0

-- What the worker needs to run a job, and no more: parsing replies costs it more than anything here.
local function answer(id, data, meta, number, execution, start, timeout, kind, enqueuedAt)
  local at = #reply
  reply[at + 1] = id .. ' ' .. number .. ' ' .. execution .. start .. ' ' .. (timeout and integer(timeout) and timeout or '180') .. kind
  reply[at + 2], reply[at + 3], reply[at + 4] = data, meta or false, enqueuedAt and #enqueuedAt <= 40 and enqueuedAt or ''
end

-- What is to be done when jobs have ended, for those that have callbacks or webhooks.
local afterwards

local function whole(reply)
  reply[3] = taken
  for _, fault in ipairs(faults) do reply[#reply + 1] = fault end
  if afterwards then reply[#reply + 1] = afterwards end
  return reply
end

local stored = redis.pcall('GET', replyKey)
if type(stored) == 'table' then
  local wrong = misfit(replyKey, 'string')
  return wrong and typeError(wrong) or stored
end

local succeeded, failedAttempts = 0, 0
local arg = 11
local changed = false

-- What the plain job never needs. A script's functions are made anew by every call, and forty of them cost more
-- than a job: these are made when the first job comes that needs one. What they share with the rest costs every call as
-- well, so names and arguments are given here anew.
local made
local function seldom()
  if made then return made end
  made = {}
  local request, worker = ARGV[1], ARGV[2]
  local defaultFailureTtl, payloadLimit = tonumber(ARGV[6]), tonumber(ARGV[7])

-- names: jobPrefix resultsPrefix scheduledPrefix failedPrefix failedQueueKey queuesKey
  for _, q in ipairs(queues) do
    local name = string.sub(q.list, 10)
    q.scheduled, q.failed = scheduledPrefix .. name, failedPrefix .. name
  end

-- part: notes
-- part: parents
-- part: statuses
-- part: elsewhere
-- part: dependents
-- part: forget
-- part: earlier-life
-- part: fail
-- part: again
-- part: stop
-- part: afterwards
-- part: rate-limit
-- part: start-limit
-- part: holders
-- part: paused
-- part: turns
  made.note, made.forget, made.pausedNow, made.turnsOf, made.letGo, made.heldByAnyone = note, forget, pausedNow, turnsOf, letGo, heldByAnyone
  made.startLimits, made.spendStarts, made.settleSlot = startLimits, spendStarts, settleSlot

  -- The time so many milliseconds before now. Many jobs of a batch began in the same one.
  local textOfStart = {}
  function made.startedText(agoMs)
    local text = textOfStart[agoMs]
    if not text then
      local micros = nowSeconds * 1000000 + nowMicros - agoMs * 1000
      local rest = micros % 1000000
      text = utcText((micros - rest) / 1000000, rest)
      textOfStart[agoMs] = text
    end
    return text
  end

  -- Whether a job whose lease was ours, and which does not say so, is ours all the same: nobody has ended it or put it back.
  function made.isLeftToUs(q, jobKey, id, status)
    -- What this call has finished is entered all at once behind, and counts already.
    for _, each in ipairs(queues) do
      for at = 2, each.finishedAdds and #each.finishedAdds or 0, 2 do
        if each.finishedAdds[at] == id then return false end
      end
    end
    local name = q.name
    if hasEndedAs(status, name, id) or not status and redis.pcall('HEXISTS', jobKey, 'data') ~= 1 or heldByAnyone(q, jobKey, id) then return false end
    local origin = redis.pcall('HGET', jobKey, 'origin')
    return not waitsIn(name, id) and not (type(origin) == 'string' and origin ~= name and waitsIn(origin, id))
  end

  -- As RQ has it, a job is entered in its origin: somebody may have moved its id to another queue. False where that cannot be.
  function made.finishIn(origin, score, id)
    if not origin or origin == '' or misfit(finishedPrefix .. origin, 'zset') then return false end
    redis.call('ZADD', finishedPrefix .. origin, score, id)
    return true
  end

  -- The start of a held job, told when its handler has begun.
  function made.begin(q, jobKey, id, execution, starts, agoMs)
    local attempt = starts and tostring((integer(starts) or 0) + 1) or '1'
    redis.call('HSET', jobKey, 'status', 'started', 'started_at', made.startedText(agoMs), 'worker_name', worker, 'x_attempt', attempt)
    noteWords(q.events, 10, 'started', id, execution, attempt)
  end

  function made.streamResult(id, kind, field, value, execution, tookMs, ttl)
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

  -- What only a job that does not finish needs is looked at when one comes.
  local function quarantineFaultOf(q)
    return misfit(q.failed, 'zset') or misfit(failedQueueKey, 'list')
  end
  local isTold = {}
  function made.faultFor(q, kind)
    if listFaultOf(q) then return q.fault end
    if kind == 'back' then return false end
    local fault = kind ~= 'repeat' and quarantineFaultOf(q)
      or (kind == 'fail' or kind == 'repeat') and (misfit(q.scheduled, 'zset') or misfit(queuesKey, 'set'))
    -- Others of this queue end all the same.
    if fault and not isTold[fault] then
      isTold[fault] = true
      faults[#faults + 1] = fault
    end
    return fault
  end

  -- Back to the head of their queue, from the one on that had to be quarantined and cannot be. They wait until that is mended.
  function made.putBack(q, ids, first)
    for at = #ids, first, -1 do redis.call('LPUSH', q.list, ids[at]) end
    q.waiting = 0
  end

  made.freeDependents = freeDependents
  made.settle = {}

-- part: settle-unfinished
-- part: settle-again
-- part: may-run

  return made
end

if stored then
  local last = string.sub(stored, 1, 24)
  -- A copy of a call that the network held up comes after its caller went on: nobody would hear of what it claims.
  if last > request and string.sub(last, 1, 12) == string.sub(request, 1, 12) then
    return redis.error_reply('RXRQSTALE request ' .. request .. ' is older than ' .. last)
  end
  if last == request then
    local verdicts, left, lines = string.match(stored, '^([a-z]*) (%d+)(.*)$', 25)
    reply[1], reply[2] = verdicts, tonumber(left)
    for id, n, execution, start, kind in string.gmatch(lines, '\n(%S+) (%d+) (%x+)( %d %d+) %S+( %d)') do
      local q = queues[tonumber(n)]
      -- Recovered meanwhile: somebody else's now.
      if not faultOf(q) and redis.call('ZSCORE', q.wip, id .. ':' .. execution) then
        local f = redis.pcall('HMGET', jobPrefix .. id, 'timeout', 'success_callback_name', 'enqueued_at', 'data', 'meta', 'x_callbacks', 'rate_limit_key')
        if f[4] then
          taken = taken + 1
          answer(id, f[4], f[5], n, execution, start, f[1], f[2] and ' 1' or kind, f[3])
          if f[7] and f[7] ~= '' then reply[#reply] = string.match(reply[#reply], '^%S*') .. ' ' .. f[7] end
          if f[2] or f[6] then seldom().tellAfterwards(jobPrefix .. id) end
        end
      end
    end
    return whole(reply)
  end
end

-- A popped element is only a hint: back to the head of its queue, and the claim below takes the best. Also
-- where another key of the queue is broken: in the in-flight list it would lie until a janitor comes.
for i = 1, hints do
  local q, id = queues[ARGV[arg + 1]], ARGV[arg + 2]
  local intermediate = q.list .. intermediateSuffix
  if not misfit(q.list, 'list') and redis.pcall('LREM', intermediate, 1, id) == 1 then
    redis.call('LPUSH', q.list, id)
    redis.call('DEL', intermediate .. firstSeenPrefix .. id)
  end
  arg = arg + 2
end

-- Over maxmemory Redis lets a script pass whose first write frees; the stored reply is out of date anyway. What was removed
-- is written anew, whatever comes of this call: without it an older one would be taken for new.
if begun > 0 or isAskedAgain then
  redis.call('DEL', replyKey)
  changed = true
end
for i = 1, begun do
  local q, id, execution = queues[ARGV[arg + 1]], ARGV[arg + 2], ARGV[arg + 3]
  local jobKey = jobPrefix .. id
  if not faultOf(q) and redis.call('ZSCORE', q.wip, id .. ':' .. execution) then
    local f = redis.pcall('HMGET', jobKey, 'status', 'x_exec', 'x_attempt')
    if f[1] == 'queued' and f[2] == execution then
      seldom().begin(q, jobKey, id, execution, f[3], ARGV[arg + 4])
    end
  end
  arg = arg + 4
end

local scoreOf = {}
local verdicts = {}
for _ = 1, ARGV[10] do
  arg = arg + 1
  local many, number, kind, marks = string.match(ARGV[arg], '^(%d+) (%d+) (%a+) (%d+)$')
  local q, hasResult = queues[number], kind == 'done'
  local isFinish = hasResult or kind == 'finish'
  marks = tonumber(marks)
  local stream, beaten, held, isNew = marks % 2 == 1, marks % 4 >= 2, marks % 8 >= 4, marks >= 32
  local tellsBegin, isLimited = marks % 16 >= 8, marks % 32 >= 16
  for _ = 1, many do
    local i = #verdicts + 1
    local id, execution, tookMs = ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 3]
    arg = arg + 3
    local first, second, third, agoMs, limitKey
    if kind ~= 'finish' then
      arg = arg + 1
      first = ARGV[arg]
    end
    if not isFinish then
      second, third = ARGV[arg + 1], ARGV[arg + 2]
      arg = arg + 2
    end
    if tellsBegin then
      arg = arg + 1
      agoMs = ARGV[arg]
    end
    if isLimited then
      arg = arg + 1
      limitKey = ARGV[arg]
    end
    local member, jobKey = id .. ':' .. execution, jobPrefix .. id
    if faultOf(q) or not isFinish and seldom().faultFor(q, kind) then
      verdicts[i] = 'x'
    elseif redis.call('ZREM', q.wip, member) == 0 then
      changed = true
      local status = redis.pcall('HGET', jobKey, 'status')
      verdicts[i] = not status and 'g' or status == 'canceled' and 'c' or 'l'
      if verdicts[i] == 'l' then seldom().note(q.events, 40, 'lost', { jobId = id, execution = execution, outcome = isFinish and 'finish' or kind }) end
    else
      changed = true
      if made then made.letGo(q.wip, id) end
      local status, ttl, origin, exec, starts, lastWorker, repeatsLeft = nil, nil, q.name, nil, nil, nil, 0
      -- What was said of a job counts as it was at the claim, as it does for RQ's workers; of a new one nothing was.
      if isNew and held then
        local f = redis.pcall('HMGET', jobKey, 'status', 'x_exec')
        status, exec = f[1], f[2]
      elseif isNew then
        status = redis.pcall('HGET', jobKey, 'status')
      end
      local isHeldByUs = held and exec == execution
      if status ~= 'started' and not (isHeldByUs and status == 'queued') then
        local f
        if held or stream then f = redis.pcall('HMGET', jobKey, 'status', 'origin', 'result_ttl', 'repeats_left', 'x_exec', 'x_attempt', 'worker_name')
        else f = redis.pcall('HMGET', jobKey, 'status', 'origin', 'result_ttl', 'repeats_left') end
        status, origin, ttl, exec, starts, lastWorker = f[1], f[2], f[3], f[5], f[6], f[7]
        repeatsLeft, isHeldByUs = isFinish and f[4] and integer(f[4]) or 0, held and exec == execution
      end
      -- Python's producers may enqueue an id anew while it runs: the old run must not end the new one, which another worker has begun.
      local isAnew = stream and not held and lastWorker and lastWorker ~= '' and lastWorker ~= worker and seldom().heldByAnyone(q, jobKey, id)
      local refused = not isAnew and repeatsLeft > 0 and seldom().faultFor(q, 'repeat')
      if refused then
        redis.call('ZADD', q.wip, leaseEnd, member)
        status = 'refused'
      elseif beaten then
        -- Execution keys exist only for jobs that lived to see a heartbeat.
        redis.call('DEL', executionPrefix .. member)
        redis.pcall('ZREM', executionsPrefix .. id, execution)
      end
      local isOurs = not isAnew and (status == 'started' or isHeldByUs and status == 'queued')
      if not isOurs and not isAnew and not refused and seldom().isLeftToUs(q, jobKey, id, status) then
        isOurs, status = true, isHeldByUs and 'queued' or 'started'
      end
      if isOurs then
        local startedAt, attempt = false, false
        if status == 'queued' and (agoMs or kind ~= 'back' and kind ~= 'pass') then
          if isFinish then
            startedAt, attempt = seldom().startedText(agoMs or tookMs), starts and tostring((integer(starts) or 0) + 1) or '1'
            noteWords(q.events, 10, 'started', id, execution, attempt)
          else
            seldom().begin(q, jobKey, id, execution, starts, agoMs or tookMs)
          end
        end
        if held then redis.call('HDEL', jobKey, 'x_exec') end
        if isFinish then
          -- As Redis takes it: what reads as a number may be 007.
          local seconds = ttl and integer(ttl)
          ttl = seconds and string.format('%d', seconds) or defaultResultTtl
          verdicts[i] = 'f'
          succeeded = succeeded + 1
          if q.ended then addWords(q.ended, id, execution, tookMs)
          else q.ended = noteWords(q.events, 20, 'finished', id, execution, tookMs) end
          finishedNow[#finishedNow + 1] = jobKey .. ':dependents'
          if repeatsLeft > 0 then
            seldom().keepAndRepeat(q, jobKey, id, execution, tookMs, ttl, stream, first, hasResult, startedAt, attempt, repeatsLeft)
          elseif ttl == '0' then
            seldom().forget(jobKey, id)
          else
            local inHash = hasResult and not stream
            if startedAt then
              -- Begun and ended since the last call: one write for both.
              redis.call('HSET', jobKey, 'status', 'finished', 'ended_at', nowText, 'started_at', startedAt, 'worker_name', worker,
                'x_attempt', attempt, inHash and 'result' or 'status', inHash and first or 'finished')
            elseif inHash then
              redis.call('HSET', jobKey, 'status', 'finished', 'ended_at', nowText, 'result', first)
            else
              redis.call('HSET', jobKey, 'status', 'finished', 'ended_at', nowText)
            end
            if stream then
              seldom().streamResult(id, 1, hasResult and 'return_value', first, execution, tonumber(tookMs), tonumber(ttl))
            end
            local score = scoreOf[ttl]
            if not score then
              score = tonumber(ttl) < 0 and '+inf' or string.format('%d.%03d', nowSeconds + ttl, (nowMicros - nowMicros % 1000) / 1000)
              scoreOf[ttl] = score
            end
            if score == '+inf' then redis.call('PERSIST', jobKey) else redis.call('EXPIRE', jobKey, ttl) end
            local adds = q.finishedAdds
            if origin ~= q.name and seldom().finishIn(origin, score, id) then
              -- Entered already.
            elseif adds then
              local at = #adds
              adds[at + 1], adds[at + 2] = score, id
            else
              q.finishedAdds = { score, id }
            end
          end
        else
          local run = { stream = stream, tookMs = tonumber(tookMs) }
          verdicts[i] = seldom().settle[kind](q, jobKey, id, execution, run, first, second, third)
        end
      elseif refused then
        verdicts[i] = 'x'
      elseif not status then
        -- Deleted while it ran: writing anything would bring back a hash without payload.
        verdicts[i] = 'g'
      else
        verdicts[i] = status == 'canceled' and 'c' or 'l'
        if verdicts[i] == 'l' then seldom().note(q.events, 40, 'lost', { jobId = id, execution = execution, outcome = isFinish and 'finish' or kind }) end
      end
    end
    if limitKey and verdicts[i] ~= 'x' then seldom().settleSlot(limitKey, id) end
  end
end

for _, q in ipairs(queues) do
  if q.finishedAdds then redis.call('ZADD', q.finished, unpack(q.finishedAdds)) end
end
-- Nearly all jobs have no dependents, and pay for one look together; one alone shares that of the claim.
local pauseKey = #queues * 4 + 3
local isQuiet = wanted > 0 and finishedNow[1] and not finishedNow[2] and not failedNow[1]
  and redis.call('EXISTS', finishedNow[1], unpack(KEYS, pauseKey)) == 0
if failedNow[1] or finishedNow[1] and not isQuiet and redis.call('EXISTS', unpack(finishedNow)) > 0 then seldom().freeDependents() end
-- A count that somebody made unreadable must not undo how the jobs ended; and a worker whose record has expired is not
-- listed again by its counts: what had no count and has nothing else was not there.
if succeeded > 0 then
  local count = redis.pcall('HINCRBY', workerKey, 'successful_job_count', succeeded == 1 and '1' or succeeded)
  if count == succeeded and redis.call('HLEN', workerKey) == 1 then redis.call('DEL', workerKey) end
end
if failedAttempts > 0 then
  local count = redis.pcall('HINCRBY', workerKey, 'failed_job_count', failedAttempts)
  if count == failedAttempts and redis.call('HLEN', workerKey) == 1 then redis.call('DEL', workerKey) end
end
if workedMs ~= '' and workedMs ~= '0' and redis.call('EXISTS', workerKey) == 1 then
  redis.pcall('HINCRBYFLOAT', workerKey, 'total_working_time', workedMs / 1000)
end

local left, passedOver = 0, false
if wanted > 0 then
  local isHeldBack = not isQuiet and redis.call('EXISTS', unpack(KEYS, pauseKey)) > 0
  if isHeldBack then
    reply[4] = seldom().pausedNow(pauseKey, queues)
    made.startLimits(pauseKey + #queues + 1, queues)
  end
  for _, q in ipairs(queues) do
    local listFault, waiting = listFaultOf(q)
    if not listFault and waiting > 0 and not q.isPaused and not faultOf(q) then q.waiting = waiting end
  end

  -- Jobs off the head of one queue after the other, in strict order or in turns. Not in a function of its own: it would
  -- share so much with the rest that making it costs as much as a command.
  local nextTurn = order ~= '' and seldom().turnsOf(order, queues, wanted)
  local scanned, at = 0, 0
  while taken < wanted do
    local q, most
    if nextTurn then
      q, most = nextTurn()
    else
      at = at + 1
      q, most = queues[at], wanted - taken
    end
    if not q then break end
    local takenBefore, limit = taken, q.limit
    if limit then most = math.min(most, limit.left) end
    while q.waiting > 0 and taken - takenBefore < most and scanned < 1000 do
      local many = math.min(most - (taken - takenBefore), 1000 - scanned)
      local ids = redis.call('LPOP', q.list, many == 1 and '1' or many)
      if not ids then
        q.waiting = 0
        break
      end
      changed = true
      scanned, q.waiting = scanned + #ids, q.waiting - #ids
      for i = 1, #ids do
        local id = ids[i]
        -- Ranges are matched in half the time of %w.
        if #id > 200 or not string.find(id, '^[0-9a-zA-Z_-]+$') then
          seldom().setAside(q, id)
          if q.fault then
            made.putBack(q, ids, i)
            break
          end
        else
          local jobKey = jobPrefix .. id
          local isNew, status, held, starts, timeout, stream, enqueuedAt, ttl, meta, data, limitKey, mayRun, hasMore
          -- A new job of ours has exactly these fields (parts/new-hash.lua): none of the many that others may have.
          if redis.pcall('HLEN', jobKey) == 7 then
            local f = redis.pcall('HMGET', jobKey, 'status', 'enqueued_at', 'data', 'origin', 'created_at', 'description', 'last_heartbeat')
            status, enqueuedAt, data = f[1], f[2], f[3]
            isNew = status == 'queued' and enqueuedAt and data and #data <= payloadLimit and f[4] == q.name and f[5] and f[6] and f[7]
            mayRun = isNew
          end
          if not isNew then
            local f = redis.pcall('HMGET', jobKey, 'status', 'x_exec', 'x_attempt', 'timeout', 'success_callback_name',
              'enqueued_at', 'ttl', 'meta', 'data', 'x_passed', 'x_callbacks', 'rate_limit_key')
            status, held, starts, timeout, stream = f[1], f[2], f[3], f[4], f[5]
            enqueuedAt, ttl, meta, data, limitKey = f[6], f[7], f[8], f[9], f[12]
            mayRun = status == 'queued' and not held and not timeout and not stream and not meta and not f[10] and not f[11]
              and not limitKey and data and #data <= payloadLimit
            if not mayRun then
              mayRun, hasMore = seldom().mayRun(q, id, jobKey, f)
              if q.fault then
                made.putBack(q, ids, i)
                break
              end
            end
          end
          if mayRun then
            taken = taken + 1
            local execution = request .. string.format('%08x', taken)
            local attempt = starts and tostring((integer(starts) or 0) + 1) or '1'
            local isStarted = taken <= toStart
            -- A time to live counts until the start. A requeued job may carry that of its failure (RQ leaves it).
            if ttl or starts or stream then redis.call('PERSIST', jobKey) end
            if isStarted then
              -- Left by a hold that somebody else ended: with it the fence would be another execution's.
              if held then redis.call('HDEL', jobKey, 'x_exec') end
              redis.call('HSET', jobKey, 'status', 'started', 'started_at', nowText, 'worker_name', worker, 'x_attempt', attempt)
              if q.begun then addWords(q.begun, id, execution, attempt)
              else q.begun = noteWords(q.events, 90, 'started', id, execution, attempt) end
            else
              redis.call('HSET', jobKey, 'x_exec', execution)
              if status ~= 'queued' then redis.call('HSET', jobKey, 'status', 'queued') end
            end
            local wip = q.wipAdds
            if wip then
              local last = #wip
              wip[last + 1], wip[last + 2] = leaseEnd, id .. ':' .. execution
            else
              q.wipAdds = { leaseEnd, id .. ':' .. execution }
            end
            answer(id, data, meta, q.number, execution, (isStarted and ' 1 ' or ' 0 ') .. attempt, timeout, isNew and ' 2' or stream and ' 1' or ' 0', enqueuedAt)
            if limitKey and limitKey ~= '' then reply[#reply] = string.match(reply[#reply], '^%S*') .. ' ' .. limitKey end
            if hasMore then made.tellAfterwards(jobKey) end
          end
        end
      end
      if #ids < many or q.fault then break end
    end
    if limit then
      limit.taken, limit.left = limit.taken + taken - takenBefore, limit.left - taken + takenBefore
    end
  end

  for _, q in ipairs(queues) do
    -- What its limit holds back is not there for now: else everybody would look again at once.
    if q.limit and q.limit.left == 0 then q.limit.hasMore, q.waiting = q.waiting > 0, 0 end
    if q.wipAdds then redis.call('ZADD', q.wip, unpack(q.wipAdds)) end
    left = left + q.waiting
    if q.passed then
      redis.call('RPUSH', q.list, unpack(q.passed))
      passedOver = true
    end
  end
  if isHeldBack then reply[4] = reply[4] .. made.spendStarts(queues) end
end
-- Nothing here is for this worker: to be told that more waits, it would look again at once, and again.
if passedOver and taken == 0 then left = 0 end

-- Of jobs that were put aside when they were claimed.
if failedNow[1] then made.freeDependents() end
reply[1], reply[2] = table.concat(verdicts), left
if changed then
  appendEvents(worker, logLength)
  local words = { reply[1] .. ' ' .. left }
  -- Of each job what tells its execution; the rest is read again, should anybody ask.
  for n = 1, taken do words[n + 1] = reply[4 * n + 1] end
  redis.call('SET', replyKey, request .. table.concat(words, '\n'), 'EX', keepReply)
end
return whole(reply)
