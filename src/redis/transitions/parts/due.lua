-- What jobs with a time need; made where one comes, because every call of a script pays for the functions that it makes.
-- Scores of `rq:scheduled` are seconds; ours have milliseconds, which RQ's readers take too, so that no job comes before its time.
local function timesIn(scheduledKey)
  local times = {}

  -- Whether a producer asked for a time: behind "at front" stands `@` and milliseconds since the epoch, or `+` and
  -- milliseconds from now, and behind a blank what else the job waits for, as `judgeNew` reads it.
  function times.isTime(front)
    local sign = string.byte(front, 2)
    return sign == 64 or sign == 43
  end

  -- That time in milliseconds; nil when it has come already.
  function times.laterThanNow(front)
    local ms = tonumber(string.match(front, '^%d+', 3))
    if string.byte(front, 2) == 43 then ms = nowMs + ms end
    return ms > nowMs and ms or nil
  end

  function times.add(id, dueMs)
    redis.call('ZADD', scheduledKey, string.format('%.3f', dueMs / 1000), id)
  end

  -- Tells of jobs that wait for their time: { jobId, dueAt } of each.
  function times.tell(eventsKey, planned, logLength)
    for from = 1, #planned, eventsPerEntry do
      local to = math.min(#planned, from + eventsPerEntry - 1)
      appendEntry(eventsKey, { 'scheduled', cjson.encode({ unpack(planned, from, to) }) }, to - from + 1, logLength)
    end
  end

  return times
end
