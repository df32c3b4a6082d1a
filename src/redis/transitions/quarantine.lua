-- uses: clock types statuses elsewhere log events notes ended parents dependents rate-limit forget fail
-- Puts a waiting job into the FailedQueue by hand. Atomic with the look at its status: a job that a worker
-- claims meanwhile is that worker's.
-- KEYS  1 queue list   2 intermediate   3 failed   4 events   5 FailedQueue list   6 scheduled   7 deferred   8 job
-- ARGV  1 id   2 reason   3 traceback   4 failure ttl, s   5 event log length
-- Returns the status the job had, or '' when there is none; moved only from queued, created, scheduled, deferred, rate_limited.
local wrong = misfit(KEYS[1], 'list') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'zset') or misfit(KEYS[4], 'stream')
  or misfit(KEYS[5], 'list') or misfit(KEYS[6], 'zset') or misfit(KEYS[7], 'zset') or misfit(KEYS[8], 'hash')
if wrong then return typeError(wrong) end
local id = ARGV[1]
local f = redis.call('HMGET', KEYS[8], 'status', 'failure_ttl', 'x_exec', 'dependency_ids', 'rate_limit_key')
local status = f[1] or ''
if status == 'queued' and f[3] or status ~= 'queued' and status ~= 'created' and status ~= 'scheduled' and status ~= 'deferred'
  and status ~= 'rate_limited' then
  return status == 'queued' and 'claimed' or status
end
redis.call('LREM', KEYS[1], 0, id)
redis.call('LREM', KEYS[2], 0, id)
redis.call('ZREM', KEYS[6], id)
redis.call('ZREM', KEYS[7], id)
quarantine({ failed = KEYS[3], events = KEYS[4] }, KEYS[5], KEYS[8], id, ARGV[2], ARGV[3], integer(f[2]) or tonumber(ARGV[4]))
if status == 'deferred' then leaveParents(id, parentsOf(id, f[4])) end
leaveLimit(f[5], id)
freeDependents()
appendEvents('', ARGV[5])
return status
