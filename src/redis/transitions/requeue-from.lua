-- uses: clock types statuses elsewhere standing log events notes parents tell-worker end-executions requeue-job
-- Takes one job out of a registry other than the failed one, and puts it on its queue. RQ: `BaseRegistry.requeue`, in
-- three steps between which the job can be lost.
-- KEYS  1 queue list   2 intermediate   3 wip   4 events   5 rq:queues   6 job   7 executions   8 finished   9 scheduled
--       10 deferred   11 canceled   12 failed
-- ARGV  1 id   2 queue name   3 finished, deferred or canceled: as what it must stand   4 at front 0/1   5 event log length   6 execution prefix
--       7 prefix of workers' channels
-- Returns moved, elsewhere when it is of another queue, or, with nothing changed, what else the job is: its status, ''
--         when there is none.
local wrong = misfit(KEYS[1], 'list') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'zset') or misfit(KEYS[4], 'stream')
  or misfit(KEYS[5], 'set') or misfit(KEYS[6], 'hash')
for n = 8, 12 do wrong = wrong or misfit(KEYS[n], 'zset') end
if wrong then return typeError(wrong) end
local id = ARGV[1]
local f = redis.call('HMGET', KEYS[6], 'status', 'origin', 'ttl', 'worker_name', 'dependency_ids')
local status = f[1] or ''
local wanted, registry = ARGV[3], ({ finished = KEYS[8], deferred = KEYS[10], canceled = KEYS[11] })[ARGV[3]]
local stands = status == wanted
if status == '' then stands = false
elseif not endOf[wanted] then stands = standsAs(wanted, ARGV[2], id, status)
elseif not hasEndedAs(status, ARGV[2], id) then
  -- What it said before its end, written back. One that repeats stays here in RQ while it waits for its next run.
  stands = redis.call('ZSCORE', registry, id) and not waitsIn(ARGV[2], id) and not isHeld(KEYS[3], id)
end
if not stands then return status end
if f[2] ~= ARGV[2] then return 'elsewhere' end

-- RQ leaves a canceled job where it was.
for n = 8, 12 do redis.call('ZREM', KEYS[n], id) end
redis.call('LREM', KEYS[2], 0, id)
-- A canceled job may run still. With its lease goes the right to end it: the old outcome must not end the new run.
endLeases(KEYS[3], id)
forgetExecutions(KEYS[7], ARGV[6], id)
if status == 'deferred' or f[5] and f[5] ~= '' then
  leaveParents(id, parentsOf(id, f[5]))
  redis.call('HDEL', KEYS[6], 'x_unmet')
end
requeueJob(KEYS[6], id, f[3], KEYS[1], KEYS[5], KEYS[4], ARGV[4] == '1')
appendEvents('', ARGV[5])
-- Also where Python canceled it, and took the lease.
if status == 'canceled' then tellWorker(ARGV[7], f[4]) end
return 'moved'
