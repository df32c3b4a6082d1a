-- uses: clock types statuses elsewhere standing log events notes ended parents defer dependents forget fail enqueue-due
-- Brings a scheduled job to its queue before its time. Atomic because a scheduler may be at it as well: whoever takes
-- the id out of the registry moves the job.
-- KEYS  1 scheduled   2 queue list   3 failed   4 events   5 FailedQueue list   6 rq:queues   7 job
-- ARGV  1 id   2 queue name   3 event log length   4 failure ttl, s
-- Returns moved, also when it has yet to wait for others, quarantined, or, with nothing changed, what else the job is: its status, '' when there is none.
local wrong = misfit(KEYS[1], 'zset') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'zset') or misfit(KEYS[4], 'stream')
  or misfit(KEYS[5], 'list') or misfit(KEYS[6], 'set') or misfit(KEYS[7], 'hash')
if wrong then return typeError(wrong) end
local id, status = ARGV[1], redis.call('HGET', KEYS[7], 'status') or ''
if status == '' or not standsAs('scheduled', ARGV[2], id, status) or redis.call('ZREM', KEYS[1], id) == 0 then return status end
redis.call('SADD', KEYS[6], KEYS[2])
local q = { name = ARGV[2], list = KEYS[2], failed = KEYS[3], events = KEYS[4] }
local how = enqueueDue(q, KEYS[5], KEYS[7], id, tonumber(ARGV[4]))
freeDependents()
appendEvents('', ARGV[3])
return how == 'q' and 'quarantined' or 'moved'
