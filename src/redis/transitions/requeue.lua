-- uses: clock types statuses elsewhere standing log events notes unlist requeue-job
-- Takes jobs out of the FailedQueue and puts them on their own queue. Atomic because two operators may
-- press "requeue" together: exactly one of them wins; and because RQ's own way, in three steps, can lose
-- the job between them.
--
-- KEYS  1 FailedQueue list   2 rq:queues
-- ARGV  1 job prefix   2 queue prefix   3 failed prefix   4 events prefix   5 event log length
--       6 at front 0/1   7 number of jobs, then ids
-- Returns a letter for each: m moved, n not failed, u unknown job, x its queue cannot take it (a key of a wrong
--         type, or the FailedQueue as its origin).
local wrong = misfit(KEYS[1], 'list') or misfit(KEYS[2], 'set')
if wrong then return typeError(wrong) end
local jobPrefix, queuePrefix, failedPrefix, eventsPrefix = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local verdicts = {}

for i = 1, tonumber(ARGV[7]) do
  local id = ARGV[7 + i]
  local jobKey = jobPrefix .. id
  local f = redis.pcall('HMGET', jobKey, 'status', 'origin', 'ttl')
  local status, origin = not f.err and f[1], not f.err and f[2]
  if not status then
    unlist(KEYS[1], id)
    verdicts[i] = 'u'
  elseif not origin or origin == '' then
    unlist(KEYS[1], id)
    verdicts[i] = 'n'
  else
    local list, failed, events = queuePrefix .. origin, failedPrefix .. origin, eventsPrefix .. origin
    if list == KEYS[1] or misfit(list, 'list') or misfit(failed, 'zset') or misfit(events, 'stream') then
      verdicts[i] = endOf[status] == failedPrefix and 'x' or 'n'
    elseif not standsAsEnded('failed', origin, id, status) then
      -- Also where it only says so: RQ's `save()` wrote it back.
      unlist(KEYS[1], id)
      verdicts[i] = 'n'
    else
      redis.call('ZREM', failed, id)
      unlist(KEYS[1], id)
      requeueJob(jobKey, id, f[3], list, KEYS[2], events, ARGV[6] == '1')
      verdicts[i] = 'm'
    end
  end
end
appendEvents('', ARGV[5])
return table.concat(verdicts)
