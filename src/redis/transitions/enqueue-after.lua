-- uses: clock types log tell new-hash due parents defer new-jobs
-- As `enqueue.lua`, for jobs of which some wait for others. Atomic because a parent that ends between the look at
-- its status and the write of the sets would never free the job.
--
-- KEYS  1 rq:queues   2 queue list   3 events   4 deferred   5 scheduled, when a job has a time
-- ARGV  as `enqueue.lua`; of a job that waits "at front" is two digits, a blank and its parents: see `judgeNew`;
--       with a time they stand behind that and a blank
-- Returns a letter for each job, a blank, and texts to the letters c and k, in lines: those of `enqueue.lua`, p written and
--         waiting, c it would wait for itself (the ids of the cycle), k a key of a parent has a wrong type.
local wrong = misfit(KEYS[1], 'set') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'stream') or misfit(KEYS[4], 'zset') or KEYS[5] and misfit(KEYS[5], 'zset')
if wrong then return typeError(wrong) end
local verdicts = addJobs(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[3], ARGV[4], ARGV[5], 5, ARGV[2], KEYS[5] and timesIn(KEYS[5]), judgeNew, defer)
return verdicts .. ' ' .. table.concat(refusals, '\n')
