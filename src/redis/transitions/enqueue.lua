-- uses: clock types log due new-jobs
-- Puts new jobs on one queue, or among its scheduled jobs: known queue, hash, place, event. Atomic because a hash
-- without a place is lost and a place without a hash is a ghost, which RQ's own schedulers trip over. The id is
-- the request id: a hash that is there already and holds the same payload (or the same as Python saves it) and creation
-- time is this very request, tried again after a lost reply.
--
-- KEYS  1 rq:queues   2 queue list   3 events   4 scheduled, when a job has a time
-- ARGV  1 job prefix   2 event log length   3 queue name   4 creation time, RQ's text   5 number of jobs
--       then for each: id, data, description, more: '' for a plain job, else the number of the fields that
--                      follow, and of these at front 0/1, seconds to live or '', field, value, …
--                      `group_id`, where there is one, comes first
--                      At front may be followed by a time: @ and ms since the epoch, or + and ms from now. A
--                      job whose time has come is put on the queue at once.
-- Returns a letter for each job: w written, s the same one was there, d another job has this id, x refused,
--         because the key of its group has a wrong type.
local wrong = misfit(KEYS[1], 'set') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'stream') or KEYS[4] and misfit(KEYS[4], 'zset')
if wrong then return typeError(wrong) end
return addJobs(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[3], ARGV[4], ARGV[5], 5, ARGV[2], KEYS[4] and timesIn(KEYS[4]))
