-- uses: clock types statuses elsewhere log events notes ended parents dependents forget fail earlier-life bring-back
-- Puts a job back that says `queued` or `started` and stands nowhere: its id was lost between two commands of
-- somebody who needs several. Atomic with the look at every place of its queue: a job that is in one stays there.
-- KEYS  1 queue list   2 intermediate   3 wip   4 failed   5 events   6 FailedQueue list   7 job   8 rq:queues
-- ARGV  1 id   2 event log length   3 failure ttl, s   4 recoveries allowed
-- Returns r recovered, b handed back (it had not begun), q quarantined, s it is somewhere, or needs nothing.
local wrong = misfit(KEYS[1], 'list') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'zset') or misfit(KEYS[4], 'zset')
  or misfit(KEYS[5], 'stream') or misfit(KEYS[6], 'list') or misfit(KEYS[7], 'hash') or misfit(KEYS[8], 'set')
if wrong then return typeError(wrong) end
local q = { list = KEYS[1], failed = KEYS[4], events = KEYS[5] }
local id, jobKey = ARGV[1], KEYS[7]
local f = redis.call('HMGET', jobKey, 'status', 'retries_left', 'x_recoveries', 'failure_ttl', 'data')
if f[1] ~= 'queued' and f[1] ~= 'started' or not f[5] then return 's' end
local name = string.sub(q.list, 10)
if endIn(name, id) or waitsIn(name, id) or isHeld(KEYS[3], id) then return 's' end
redis.call('HDEL', jobKey, 'x_exec')
redis.call('SADD', KEYS[8], q.list)
local verdict = 'b'
if f[1] == 'started' then
  verdict = bringBack(q, KEYS[6], jobKey, id, '', f[2], f[3], f[4], tonumber(ARGV[4]), tonumber(ARGV[3]))
else
  redis.call('LPUSH', q.list, id)
  note(q.events, 70, 'handedBack', { jobId = id, execution = '', reason = 'it was in no list' })
end
freeDependents()
appendEvents('', ARGV[2])
return verdict
