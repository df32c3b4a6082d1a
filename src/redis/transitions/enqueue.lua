-- uses: clock types log tell new-hash
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
local wrong = misfit(KEYS[2], 'list') or misfit(KEYS[3], 'stream')
if wrong then return typeError(wrong) end
local prefix, logLength, queue, createdAt, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

-- Nearly all jobs are plain: nothing but their payload is said of them, and nobody has their id. All of such a call are looked
-- for and listed at once. The functions for the others are made behind, where these never come.
local args, ids, hashes, isNamed, isPlain = ARGV, {}, {}, {}, true
for i = 1, count do
  local at = 5 + i * 4
  local id = args[at - 3]
  if args[at] ~= '' or isNamed[id] then
    isPlain = false
    break
  end
  isNamed[id], ids[i], hashes[i] = true, id, prefix .. id
end
if isPlain and redis.call('EXISTS', unpack(hashes)) == 0 then
  -- The first write, which says itself when the key is no set: nothing is written then.
  local known = redis.pcall('SADD', KEYS[1], KEYS[2])
  if type(known) == 'table' then
    wrong = misfit(KEYS[1], 'set')
    return wrong and typeError(wrong) or known
  end
  for i = 1, count do
    local at = 5 + i * 4
    writeNew(hashes[i], createdAt, args[at - 2], queue, args[at - 1])
  end
  redis.call('RPUSH', KEYS[2], unpack(ids))
  tell(KEYS[3], 'enqueued', ids, logLength)
  return string.rep('w', count)
end

wrong = misfit(KEYS[1], 'set') or KEYS[4] and misfit(KEYS[4], 'zset')
if wrong then return typeError(wrong) end
-- part: due
-- part: new-jobs
return addJobs(KEYS[1], KEYS[2], KEYS[3], prefix, queue, createdAt, count, 5, logLength, KEYS[4] and timesIn(KEYS[4]))
