-- uses: clock types statuses elsewhere log tell new-hash events notes due parents defer rate-limit limit-new new-jobs
-- Moves a pipeline on: the jobs that its inputs became, and the place up to which it has read, in one step.
-- Atomic because a job without the place is made twice, and a place without the job loses an input. The place
-- moves only from where the caller believes it to be: of two processes that host the same pipeline one wins,
-- however late the other comes, and it never moves back.
--
-- KEYS  1 rq:queues   2 queue list   3 events   4 the pipeline's cursor   5 scheduled, when a job has a time
-- ARGV  1 job prefix   2 event log length   3 queue name   4 creation time, RQ's text
--       5 mark of the place as the caller knows it, '' for none   6 mark to move to   7 number of jobs, then as `enqueue.lua`
-- Returns the mark in force: that of ARGV 6 when it moved, now or by an earlier try of this very request.
local wrong = misfit(KEYS[1], 'set') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'stream') or misfit(KEYS[4], 'string') or KEYS[5] and misfit(KEYS[5], 'zset')
  or misfit(deferredPrefix .. ARGV[3], 'zset')
if wrong then return typeError(wrong) end
local there = redis.call('GET', KEYS[4]) or ''
if there ~= ARGV[5] then return there end
local verdicts = addJobs(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[3], ARGV[4], ARGV[7], 7, ARGV[2], KEYS[5] and timesIn(KEYS[5]),
  judgeLimited, deferOrLimit)
appendEvents('', ARGV[2])
-- A job that was refused holds the place back. The others are there, and are recognised when the call comes again.
local refused = string.match(verdicts, '[ck]')
if refused == 'c' then return redis.error_reply('RXRQCYCLE ' .. refusals[1]) end
if refused == 'k' then return typeError(refusals[1]) end
if string.find(verdicts, 'x') then return typeError('The key of the group of a job holds no set') end
redis.call('SET', KEYS[4], ARGV[6])
return ARGV[6]
