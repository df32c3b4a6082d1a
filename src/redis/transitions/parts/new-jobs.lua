-- names: groupPrefix groupsKey
-- The one way in: known queue, hash, place, event of new jobs. `count` jobs (text) are read from ARGV after `arg`,
-- as `enqueue.lua` describes them. Returns a letter for each: w written, s the same one was there, d another
-- job has this id, x refused, because the key of its group has a wrong type. With `times` of `due.lua` jobs may wait for
-- theirs. With `judge` and `defer` of `defer.lua` jobs may wait for others, with those of `limit-new.lua` also for a slot, and
-- the letters be theirs too.
local function addJobs(queuesKey, listKey, eventsKey, prefix, queue, createdAt, count, arg, logLength, times, judge, defer)
  local verdicts, back, written, waiting, limited, planned = {}, {}, {}, nil, nil, nil
  for i = 1, count do
    local id, data, description, more = ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 3], ARGV[arg + 4]
    arg = arg + 4
    local rest, front, ttl, verdict, wait, dueMs = 0, '0', '', 'w', nil, nil
    if more ~= '' then
      rest, front, ttl = tonumber(more), ARGV[arg + 1], ARGV[arg + 2]
    end
    -- First among the fields. A hash that names a group which is not there makes Python's delete raise.
    local group = rest > 3 and ARGV[arg + 3] == 'group_id' and ARGV[arg + 4]
    local key = prefix .. id
    if group and (misfit(groupPrefix .. group, 'set') or misfit(groupsKey, 'set')) then
      verdicts[i] = 'x'
    elseif redis.call('EXISTS', key) == 1 then
      local there = redis.pcall('HMGET', key, 'data', 'created_at')
      -- Python deflates the payload of whatever job it saves; the time of creation it leaves as it is.
      local isOurs = not there.err and there[2] == createdAt and (there[1] == data or string.byte(there[1] or '') == 0x78)
      verdicts[i] = isOurs and 's' or 'd'
    else
      if #front > 1 then
        local after = front
        if times and times.isTime(front) then
          dueMs = times.laterThanNow(front)
          -- Until its time has come it need not wait for others: the scheduler looks then.
          after = not dueMs and string.match(front, '^%S+ (.+)$')
        end
        if after and judge then verdict, wait = judge(id, after) end
      end
      verdicts[i] = verdict
    end
    if verdicts[i] == 'w' or wait then
      local later = wait and (wait.status or 'deferred') or dueMs and 'scheduled'
      writeNew(key, createdAt, data, queue, description, later)
      if rest > 2 then redis.call('HSET', key, unpack(ARGV, arg + 3, arg + rest)) end
      -- The time to live of a job that waits begins when it is queued, as it does anew in RQ.
      if wait then
        defer(id, queue, wait)
        waiting, limited = waiting or {}, limited or {}
        local told = wait.status and limited or waiting
        told[#told + 1] = id
      elseif dueMs then
        times.add(id, dueMs)
        planned = planned or {}
        planned[#planned + 1] = { jobId = id, dueAt = dueMs }
      else
        if ttl ~= '' then redis.call('EXPIRE', key, ttl) end
        if string.sub(front, 1, 1) == '1' then redis.call('LPUSH', listKey, id) else back[#back + 1] = id end
        written[#written + 1] = id
      end
    end
    if group and (verdicts[i] == 'w' or wait) then
      redis.call('SADD', groupPrefix .. group, id)
      redis.call('SADD', groupsKey, group)
    end
    arg = arg + rest
  end
  if written[1] or waiting or planned then redis.call('SADD', queuesKey, listKey) end
  if #written > 0 then
    if #back > 0 then redis.call('RPUSH', listKey, unpack(back)) end
    tell(eventsKey, 'enqueued', written, logLength)
  end
  if waiting then
    tell(eventsKey, 'deferred', waiting, logLength)
    tell(eventsKey, 'rateLimited', limited, logLength)
  end
  if planned then times.tell(eventsKey, planned, logLength) end
  return count == '1' and verdicts[1] or table.concat(verdicts)
end
