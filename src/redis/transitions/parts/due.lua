-- When a job is due. Scores of `rq:scheduled` are seconds; ours have milliseconds, which RQ's readers take too,
-- so that no job comes before its time.
local function scoreOfMs(ms)
  return string.format('%.3f', ms / 1000)
end

-- Whether a producer asked for a time: behind "at front" stands `@` and milliseconds since the epoch, or `+` and
-- milliseconds from now, and behind a blank what else the job waits for, as `judgeNew` reads it.
local function isTime(front)
  local sign = string.byte(front, 2)
  return sign == 64 or sign == 43
end

-- That time in milliseconds; nil when it has come already.
local function laterThanNow(front)
  local ms = tonumber(string.match(front, '^%d+', 3))
  if string.byte(front, 2) == 43 then ms = nowMs + ms end
  return ms > nowMs and ms or nil
end

-- Tells of jobs that wait for their time: { jobId, dueAt } of each.
local function noteScheduled(eventsKey, planned, logLength)
  for from = 1, #planned, eventsPerEntry do
    local to = math.min(#planned, from + eventsPerEntry - 1)
    appendEntry(eventsKey, { 'scheduled', cjson.encode({ unpack(planned, from, to) }) }, to - from + 1, logLength)
  end
end
