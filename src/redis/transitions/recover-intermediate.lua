-- uses: clock types elsewhere log events notes
-- Brings an id that a dead worker left in the in-flight list back to the head of its queue. The caller saw
-- it there in two looks at least ten seconds apart; a Python worker's gap there is milliseconds, or seconds where
-- it starts an interpreter for each job. RQ 2.x takes its lease before, while the job still says `queued`.
-- Every janitor has looked for itself. What one of them brings back the next Python worker may have in its hand at once,
-- where another janitor finds it and takes it for what it saw ten seconds ago: so it is left alone for as long again.
-- A job that fails in Python and is retried at once may lie there in look after look, popped anew each time: whoever enqueues
-- it again writes another `enqueued_at`.
-- RQ leaves the id of a job whose process died before it began where it is, and fails or retries the job. On the queue, Python
-- would run it once more: its workers look at no status. What has its place elsewhere is only taken out of here.
-- KEYS  1 intermediate list   2 queue list   3 wip   4 events
-- ARGV  1 job prefix   2 executions prefix   3 id   4 first-seen infix   5 brought-back infix   6 how long it is left alone then, ms
--       7 event log length   8 `enqueued_at` of the job as the looks saw it; empty when they saw none, or did not look
-- Returns 1 when it moved or was taken out, 0 when somebody has a lease of it, it was brought back or enqueued just now, or it
-- is gone.
local wrong = misfit(KEYS[1], 'list') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'zset') or misfit(KEYS[4], 'stream')
if wrong then return typeError(wrong) end
local id, jobKey = ARGV[3], ARGV[1] .. ARGV[3]
local broughtBack = KEYS[1] .. ARGV[5] .. id
if redis.call('EXISTS', broughtBack) == 1 then return 0 end
local f = redis.pcall('HMGET', jobKey, 'status', 'x_exec', 'enqueued_at', 'origin')
local status = not f.err and f[1]
if status then
  if ARGV[8] ~= '' and f[3] ~= ARGV[8] then return 0 end
  if redis.call('ZSCORE', KEYS[3], id) or (f[2] and redis.call('ZSCORE', KEYS[3], id .. ':' .. f[2])) then return 0 end
  local list = redis.pcall('ZRANGE', ARGV[2] .. id, 0, 20)
  for _, execution in ipairs(list.err and {} or list) do
    if redis.call('ZSCORE', KEYS[3], id .. ':' .. execution) then return 0 end
  end
end
if redis.call('LREM', KEYS[1], 1, id) == 0 then return 0 end
redis.call('DEL', KEYS[1] .. ARGV[4] .. id)
local place
if redis.call('EXISTS', jobKey) == 0 then place = 'no hash'
elseif isEnd[status] or isRegistered(status, string.sub(KEYS[2], 10), id) or isRegistered(status, f[4] or '', id) then
  place = 'its status is ' .. status
elseif redis.call('LPOS', KEYS[2], id) then place = 'it waits already' end
if place then
  note(KEYS[4], 80, 'dropped', { jobId = printable(id), reason = place })
else
  -- Whatever else the hash says, the claim is the judge: it quarantines what must not run.
  redis.call('LPUSH', KEYS[2], id)
  redis.call('SET', broughtBack, 1, 'PX', ARGV[6])
  if status == 'queued' or status == 'started' then
    note(KEYS[4], 70, 'handedBack', { jobId = printable(id), execution = '', reason = 'it lay in flight and nobody began it' })
  end
end
appendEvents('', ARGV[7])
return 1
