-- uses: clock types statuses elsewhere standing log events notes parents rate-limit tell-worker unlist end-executions claimed-ahead
-- names: groupPrefix
-- Removes a job and everything that lies under its id, wherever it is. The worker of one that runs is told to
-- look; its outcome is refused, so that the hash does not come back, as it does in RQ.
-- KEYS  1 job   2 dependents   3 dependencies   4 results   5 executions   6 queue list   7 intermediate
--       8 finished   9 failed   10 scheduled   11 deferred   12 canceled   13 events   14 FailedQueue list   15 wip
-- ARGV  1 id   2 event log length   3 execution prefix   4 prefix of workers' channels
--       then as what it must stand, none for any: statuses
-- Returns 1 when there was a job, 0 when not, or none of such a status: then nothing was done.
local wrong = misfit(KEYS[6], 'list') or misfit(KEYS[7], 'list') or misfit(KEYS[8], 'zset') or misfit(KEYS[9], 'zset')
  or misfit(KEYS[10], 'zset') or misfit(KEYS[11], 'zset') or misfit(KEYS[12], 'zset') or misfit(KEYS[13], 'stream')
  or misfit(KEYS[14], 'list') or misfit(KEYS[15], 'zset')
if wrong then return typeError(wrong) end
local id = ARGV[1]
local f = redis.pcall('HMGET', KEYS[1], 'status', 'x_exec', 'worker_name', 'dependency_ids', 'rate_limit_key')
local status = f[1]
local isWanted = #ARGV == 4
local name = string.sub(KEYS[6], #queuePrefix + 1)
for i = 5, #ARGV do
  local wanted = ARGV[i]
  if f.err or not status and not redis.call('HGET', KEYS[1], 'data') then break
  elseif wanted == 'queued' then isWanted = isWanted or isListed(name, id) and standsInList(name, id, status, f[2])
  elseif registryOf[wanted] then isWanted = isWanted or standsAs(wanted, name, id, status)
  elseif endOf[wanted] then isWanted = isWanted or standsAsEnded(wanted, name, id, status)
  else isWanted = isWanted or status == wanted end
end
-- Claimed ahead, it says `queued` and waits no more.
local ahead = claimedAhead(KEYS[15], id, status, f[2])
if #ARGV > 4 and ahead then isWanted = false end
if not isWanted then return 0 end
redis.call('LREM', KEYS[7], 0, id)
-- A list may be a million long, and a job that has ended is in none; a leftover entry is dropped by the claim.
if not hasEndedAs(status, name, id) then redis.call('LREM', KEYS[6], 0, id) end
if redis.call('ZREM', KEYS[9], id) == 1 or endOf[status] == failedPrefix then unlist(KEYS[14], id) end
for n = 8, 12 do redis.call('ZREM', KEYS[n], id) end
-- The lease too: a job that is made anew under this id must not be ended by the old one's outcome. A canceled one may run still.
if status == 'started' or status == 'canceled' or f[2] then endLeases(KEYS[15], id) end
forgetExecutions(KEYS[5], ARGV[3], id)
local there = redis.call('EXISTS', KEYS[1])
local group = redis.pcall('HGET', KEYS[1], 'group_id')
if type(group) == 'string' and group ~= '' then redis.pcall('SREM', groupPrefix .. group, id) end
if status == 'deferred' or f[4] then leaveParents(id, parentsOf(id, f[4])) end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
-- One that runs keeps its slot until it has stopped, or until it is found that nobody knows it any more.
if status ~= 'started' then leaveLimit(f[5], id) end
if there == 1 then
  note(KEYS[13], 60, 'deleted', { jobId = printable(id), execution = ahead })
  appendEvents('', ARGV[2])
  if status == 'started' then tellWorker(ARGV[4], f[3]) end
end
return there
