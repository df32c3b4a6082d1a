-- uses: clock types elsewhere
-- Keeps a worker's hold on one queue's running jobs: its own narrow lease, by which our recoverers judge the
-- worker as a whole, and the wide lease of each job in `rq:wip`, by which Python's cleaners judge. A lease that
-- is gone stays gone: whoever took it away has given the job to another, or to the FailedQueue.
--
-- The execution keys that RQ's tools list are written here, with the first heartbeat, and not at the
-- claim: short jobs never need them, and they cost more than the rest of a claim together.
--
-- KEYS  1 wip   2 leases
-- ARGV  1 executions prefix   2 execution prefix   3 worker   4 lease of a job, s
--       5 lease of the worker, ms   6 the worker's tag   7 number of jobs, then for each: id, execution, ms since it began
-- Returns a letter for each: e extended, l lost, g gone (deleted), c canceled.
local wrong = misfit(KEYS[1], 'zset') or misfit(KEYS[2], 'zset')
if wrong then return typeError(wrong) end
local executionsPrefix, executionPrefix, worker = ARGV[1], ARGV[2], ARGV[3]
local queue = string.sub(KEYS[1], #wipPrefix + 1)
local wideLease, narrowLease = tonumber(ARGV[4]), tonumber(ARGV[5])
-- Over maxmemory Redis lets a script pass whose first write frees, also when there is nothing to free. Refused,
-- healthy workers would be taken for dead after one lease.
redis.call('ZREM', KEYS[2], '')
redis.call('ZADD', KEYS[2], nowMs + narrowLease, ARGV[6])
local verdicts, wip = {}, {}
local arg = 7
for i = 1, tonumber(ARGV[7]) do
  local id, execution, ago = ARGV[arg + 1], ARGV[arg + 2], tonumber(ARGV[arg + 3])
  arg = arg + 3
  local member, jobKey = id .. ':' .. execution, jobPrefix .. id
  local status = redis.pcall('HGET', jobKey, 'status')
  if type(status) == 'table' then status = nil end
  if not status and redis.pcall('HEXISTS', jobKey, 'data') ~= 1 then
    verdicts[i] = 'g'
  elseif status ~= 'started' and hasEndedAs(status, queue, id) then
    verdicts[i] = status == 'canceled' and 'c' or 'l'
  elseif not redis.call('ZSCORE', KEYS[1], member) then
    verdicts[i] = 'l'
  else
    verdicts[i] = 'e'
    wip[#wip + 1], wip[#wip + 2] = nowSeconds + wideLease, member
    -- A Python worker that settles a job of ours without asking gives its hash a lifetime.
    redis.call('PERSIST', jobKey)
    if status == 'started' then
      redis.call('HSET', jobKey, 'last_heartbeat', nowText)
      local executionKey, executionsKey = executionPrefix .. member, executionsPrefix .. id
      if not misfit(executionKey, 'hash') and not misfit(executionsKey, 'zset') then
        local now = string.format('%.6f', nowSeconds + nowMicros / 1000000)
        local began = string.format('%.6f', nowSeconds + nowMicros / 1000000 - ago / 1000)
        redis.call('HSET', executionKey, 'id', execution, 'job_id', id, 'worker_name', worker, 'created_at', began, 'last_heartbeat', now)
        redis.call('EXPIRE', executionKey, wideLease)
        redis.call('ZADD', executionsKey, nowSeconds + wideLease, execution)
        redis.call('EXPIRE', executionsKey, wideLease)
      end
    end
  end
end
if #wip > 0 then redis.call('ZADD', KEYS[1], 'XX', unpack(wip)) end
return table.concat(verdicts)
