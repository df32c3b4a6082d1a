-- uses: clock types statuses elsewhere standing log due
-- Gives a scheduled job another time. Atomic with the look at where it is: once it is moved to its queue it stays there.
-- KEYS  1 scheduled   2 events   3 job
-- ARGV  1 id   2 time, as `enqueue.lua` takes it   3 event log length
-- Returns moved, or, with nothing changed, what else the job is: its status, '' when there is none.
local wrong = misfit(KEYS[1], 'zset') or misfit(KEYS[2], 'stream') or misfit(KEYS[3], 'hash')
if wrong then return typeError(wrong) end
local id, status = ARGV[1], redis.call('HGET', KEYS[3], 'status') or ''
if status == '' or not standsAs('scheduled', string.sub(KEYS[1], #scheduledPrefix + 1), id, status)
  or not redis.call('ZSCORE', KEYS[1], id) then return status end
-- A time that has come makes it due: the next look of a scheduler moves it.
local times = timesIn(KEYS[1])
local dueMs = times.laterThanNow(ARGV[2]) or nowMs
times.add(id, dueMs)
times.tell(KEYS[2], { { jobId = id, dueAt = dueMs } }, ARGV[3])
return 'moved'
