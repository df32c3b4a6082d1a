-- uses: clock types statuses elsewhere log tell new-hash events notes due parents defer rate-limit limit-new new-jobs
-- One tick of a cron entry: its job is put on the queue unless a tick at or after this one was. Any number of
-- processes may ask for the same tick, and the same process again after a lost reply: it is enqueued once. Atomic
-- because a mark without its job loses the tick, and a job without its mark doubles it. The clock is that of Redis:
-- what an asker's clock takes for due may not be.
--
-- KEYS  1 rq:queues   2 queue list   3 events   4 rxrq:cron:<queue>   5 rq:cron_job:<name>:jobs   6 rq:cron_jobs
-- ARGV  1 job prefix   2 event log length   3 queue name   4 creation time, RQ's text   5 name of the entry
--       6 due, ms, or '' for an interval: due as far after the last tick as that   7 interval, ms, or ''
--       8 entries of the history   9 its time to live, s   10 time to live of the marks, s
--       then one job as new-jobs reads it: 1, id, data, …
-- Returns { letter, now in ms, due in ms }: w enqueued, s this very request had been enqueued, o a tick at or after
-- this one was, with its due time; e too early, with when; d another job has this id;
-- x the key of its group has a wrong type, k a key of its rate limit (and which).
local wrong = misfit(KEYS[1], 'set') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'stream')
  or misfit(KEYS[4], 'hash') or misfit(KEYS[5], 'zset') or misfit(KEYS[6], 'zset')
if wrong then return typeError(wrong) end

local name, due, interval = ARGV[5], integer(ARGV[6]), integer(ARGV[7])
local mark = redis.call('HGET', KEYS[4], name) or ''
local last, by = string.match(mark, '^(%d+) (.+)$')
last = integer(last)
-- Ticks are never marked ahead of time: such a mark is garbage, or from before the clock was set back by far.
if last and last > nowMs + 3600000 then last = nil end

if last and by == ARGV[12] then return { 's', nowMs, last } end
if interval then
  -- The clock was set back: an interval begins anew.
  if last and last > nowMs then last = nowMs end
  local nextDue = last and last + interval or nowMs
  if nowMs < nextDue then return { 'o', nowMs, last } end
  -- Kept on the grid, so that being a little late does not add up; intervals that nobody kept are not made up for.
  due = nowMs - nextDue < interval and nextDue or nowMs
elseif due > nowMs then
  return { 'e', nowMs, due }
elseif last and last >= due then
  return { 'o', nowMs, last }
end

local verdict = addJobs(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[3], ARGV[4], '1', 11, ARGV[2], nil, judgeLimited, deferOrLimit)
-- Those that were let through meanwhile, or nothing.
appendEvents('', ARGV[2])
if verdict == 'd' or verdict == 'x' or verdict == 'k' then return { verdict, nowMs, due, refusals[1] } end
local at = string.format('%d.%06d', nowSeconds, nowMicros)
redis.call('HSET', KEYS[4], name, string.format('%.0f %s', due, ARGV[12]))
redis.call('EXPIRE', KEYS[4], ARGV[10])
redis.call('ZADD', KEYS[5], at, ARGV[12])
redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -(tonumber(ARGV[8]) + 1))
redis.call('EXPIRE', KEYS[5], ARGV[9])
redis.call('ZADD', KEYS[6], at, name)
return { 'w', nowMs, due }
