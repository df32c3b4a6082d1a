-- uses: clock types statuses elsewhere standing log events notes ended parents dependents rate-limit
-- Takes a waiting job out of its queue by hand: canceled, because RQ's way leaves it `queued` and in no list.
-- Atomic with the look at its place: one that a worker claims meanwhile is that worker's.
-- KEYS  1 queue list   2 canceled   3 events   4 job
-- ARGV  1 id   2 event log length
-- Returns 1 when its id was there, else 0; that of a job which does not wait there is a leftover, and only leaves the list.
local wrong = misfit(KEYS[1], 'list') or misfit(KEYS[2], 'zset') or misfit(KEYS[3], 'stream') or misfit(KEYS[4], 'hash')
if wrong then return typeError(wrong) end
local id = ARGV[1]
if redis.call('LREM', KEYS[1], 0, id) == 0 then return 0 end
local f = redis.call('HMGET', KEYS[4], 'status', 'data', 'rate_limit_key', 'x_exec')
if f[2] and standsInList(string.sub(KEYS[1], #queuePrefix + 1), id, f[1], f[4]) then
  redis.call('HSET', KEYS[4], 'status', 'canceled')
  redis.call('ZADD', KEYS[2], nowSeconds, id)
  note(KEYS[3], 60, 'canceled', { jobId = printable(id) })
  failedNow[1], failedNow[id] = id, 'canceled'
  freeDependents()
  leaveLimit(f[3], id)
  appendEvents('', ARGV[2])
end
return 1
