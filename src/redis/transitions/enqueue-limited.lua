-- uses: clock types statuses elsewhere log tell new-hash events notes due parents defer rate-limit limit-new new-jobs
-- As `enqueue-after.lua`, for jobs of which some have a rate limit. Atomic because a job that saw no free slot, and waits
-- after the last one was given back, would wait for ever.
--
-- KEYS  as `enqueue-after.lua`
-- ARGV  as `enqueue-after.lua`; of a job with a rate limit "at front" is as `judgeLimited` reads it
-- Returns as `enqueue-after.lua`; p also for those that wait for a slot.
local wrong = misfit(KEYS[1], 'set') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'stream') or misfit(KEYS[4], 'zset') or KEYS[5] and misfit(KEYS[5], 'zset')
if wrong then return typeError(wrong) end
local verdicts = addJobs(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[3], ARGV[4], ARGV[5], 5, ARGV[2], KEYS[5] and timesIn(KEYS[5]), judgeLimited, deferOrLimit)
appendEvents('', ARGV[2])
return verdicts .. ' ' .. table.concat(refusals, '\n')
