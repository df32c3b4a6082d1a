-- uses: clock types statuses elsewhere log events notes ended parents dependents rate-limit tell-worker unlist claimed-ahead
-- Cancels a job. A waiting one leaves its list; the worker of a running one is told to look, and its outcome is
-- refused from now on, which RQ does not do.
-- KEYS  1 queue list   2 intermediate   3 canceled   4 events   5 scheduled   6 deferred   7 job   8 wip   9 failed
--       10 FailedQueue list
-- ARGV  1 id   2 event log length   3 prefix of workers' channels   4 free its dependents as if it had finished 0/1
--       5 it was stopped for this 0/1: the status `stopped` is then no end
-- Returns the status the job had, '' when there is none; nothing is written when it had ended already.
local wrong = misfit(KEYS[1], 'list') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'zset') or misfit(KEYS[4], 'stream')
  or misfit(KEYS[5], 'zset') or misfit(KEYS[6], 'zset') or misfit(KEYS[7], 'hash') or misfit(KEYS[8], 'zset')
  or ARGV[5] == '1' and (misfit(KEYS[9], 'zset') or misfit(KEYS[10], 'list'))
if wrong then return typeError(wrong) end
local id = ARGV[1]
local f = redis.call('HMGET', KEYS[7], 'status', 'x_exec')
local status = f[1] or ''
local isStopped = status == 'stopped'
if status == '' then return status end
if isStopped and ARGV[5] == '1' then
  redis.call('ZREM', KEYS[9], id)
  unlist(KEYS[10], id)
else
  -- As what it says, or said before RQ's `save()` wrote back what it was.
  local name = string.sub(KEYS[1], #queuePrefix + 1)
  local ended = endOf[status] and status or endIn(name, id)
  if ended then
    -- Where it stands nowhere its own word counts: its entry may be in a queue to which somebody moved its id.
    local isRunning = isHeld(KEYS[8], id)
    if hasEndedAs(status, name, id) or not isRunning and not waitsIn(name, id) then return ended end
    if endOf[status] then status = isRunning and 'started' or 'queued' end
  end
end
redis.call('LREM', KEYS[1], 0, id)
redis.call('LREM', KEYS[2], 0, id)
redis.call('ZREM', KEYS[5], id)
redis.call('ZREM', KEYS[6], id)
redis.call('HSET', KEYS[7], 'status', 'canceled')
redis.call('ZADD', KEYS[3], nowSeconds, id)
note(KEYS[4], 60, 'canceled', { jobId = id, execution = claimedAhead(KEYS[8], id, status, f[2]) })
if status == 'deferred' then leaveParents(id, parentsOf(id, redis.call('HGET', KEYS[7], 'dependency_ids'))) end
failedNow[1], failedNow[id] = id, ARGV[4] == '1' and 'waived' or 'canceled'
freeDependents()
-- One that runs keeps its slot until it has stopped.
if status ~= 'started' then leaveLimit(redis.call('HGET', KEYS[7], 'rate_limit_key'), id) end
appendEvents('', ARGV[2])
if status == 'started' then tellWorker(ARGV[3], redis.call('HGET', KEYS[7], 'worker_name')) end
return status
