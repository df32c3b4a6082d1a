-- uses: types events
-- Removes a job and everything that lies under its id, wherever it is. One that runs is told by its next
-- heartbeat; its outcome is refused, so that the hash does not come back, as it does in RQ.
-- KEYS  1 job   2 dependents   3 dependencies   4 results   5 executions   6 queue list   7 intermediate
--       8 finished   9 failed   10 scheduled   11 deferred   12 canceled   13 events   14 FailedQueue list
-- ARGV  1 id   2 event log length   3 execution prefix
-- Returns 1 when there was a job, 0 when not.
local wrong = misfit(KEYS[6], 'list') or misfit(KEYS[7], 'list') or misfit(KEYS[8], 'zset') or misfit(KEYS[9], 'zset')
  or misfit(KEYS[10], 'zset') or misfit(KEYS[11], 'zset') or misfit(KEYS[12], 'zset') or misfit(KEYS[13], 'stream')
  or misfit(KEYS[14], 'list')
if wrong then return typeError(wrong) end
local id = ARGV[1]
for _, n in ipairs({ 6, 7, 14 }) do redis.call('LREM', KEYS[n], 0, id) end
for n = 8, 12 do redis.call('ZREM', KEYS[n], id) end
local executions = redis.pcall('ZRANGE', KEYS[5], 0, -1)
for _, execution in ipairs(executions.err and {} or executions) do redis.call('DEL', ARGV[3] .. id .. ':' .. execution) end
local there = redis.call('EXISTS', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
if there == 1 then
  note(KEYS[13], 60, 'deleted', { jobId = printable(id) })
  appendEvents('', ARGV[2])
end
return there
