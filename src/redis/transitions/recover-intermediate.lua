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
-- ARGV  1 job prefix   2 id   3 first-seen infix   4 brought-back infix   5 how long it is left alone then, ms
--       6 event log length   7 `enqueued_at` of the job as the looks saw it; empty when they saw none, or did not look
-- Returns 1 when it moved or was taken out, 0 when somebody has a lease of it, it was brought back or enqueued just now, or it
-- is gone.
local wrong = misfit(KEYS[1], 'list') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'zset') or misfit(KEYS[4], 'stream')
if wrong then return typeError(wrong) end
local id, jobKey = ARGV[2], ARGV[1] .. ARGV[2]
local broughtBack = KEYS[1] .. ARGV[4] .. id
if redis.call('EXISTS', broughtBack) == 1 then return 0 end
local f = redis.pcall('HMGET', jobKey, 'status', 'enqueued_at', 'origin')
if f.err then f = {} end
local status, name, origin = f[1], string.sub(KEYS[2], 10), f[3] or ''
local isMoved = origin ~= name
-- By the registry and not by what the job or RQ's executions say: what a worker of ours began is named nowhere else until its
-- first heartbeat. RQ's lease is in the queue that the job comes from, whatever list it was popped from.
if isHeld(KEYS[3], id) or isMoved and isHeld(wipPrefix .. origin, id) then return 0 end
if status and ARGV[7] ~= '' and f[2] ~= ARGV[7] then return 0 end
if redis.call('LREM', KEYS[1], 1, id) == 0 then return 0 end
redis.call('DEL', KEYS[1] .. ARGV[3] .. id)
local place
if redis.call('EXISTS', jobKey) == 0 then place = 'no hash'
elseif hasEndedAs(status, name, id) or isRegistered(status, name, id) or isRegistered(status, origin, id) then
  place = 'its status is ' .. status
elseif redis.call('LPOS', KEYS[2], id) or isMoved and isListed(origin, id) then place = 'it waits already' end
if place then
  note(KEYS[4], 80, 'dropped', { jobId = printable(id), reason = place })
else
  -- Whatever else the hash says, the claim is the judge: it quarantines what must not run.
  redis.call('LPUSH', KEYS[2], id)
  redis.call('SET', broughtBack, 1, 'PX', ARGV[5])
  if status == 'queued' or status == 'started' then
    note(KEYS[4], 70, 'handedBack', { jobId = printable(id), execution = '', reason = 'it lay in flight and nobody began it' })
  end
end
appendEvents('', ARGV[6])
return 1
