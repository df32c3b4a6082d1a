-- uses: clock types events
-- Puts new jobs on one queue: known queue, hash, place, event. Atomic because a hash without a place is
-- lost and a place without a hash is a ghost. The id is the request id: a hash that is there already and
-- holds the same payload and creation time is this very request, tried again after a lost reply.
--
-- KEYS  1 rq:queues   2 queue list   3 events
-- ARGV  1 job prefix   2 event log length   3 queue name   4 creation time, RQ's text   5 number of jobs
--       then for each: id, data, description, more: '' for a plain job, else the number of the fields that
--                      follow, and of these at front 0/1, seconds to live or '', field, value, …
-- Returns a letter for each job: w written, s the same one was there, d another job has this id.
local wrong = misfit(KEYS[1], 'set') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'stream')
if wrong then return typeError(wrong) end
local prefix, queue, createdAt = ARGV[1], ARGV[3], ARGV[4]
local verdicts, back, written = {}, {}, {}
local arg = 5
for i = 1, tonumber(ARGV[5]) do
  local id, data, description, more = ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 3], ARGV[arg + 4]
  arg = arg + 4
  local rest, atFront, ttl = 0, false, ''
  if more ~= '' then
    rest, atFront, ttl = tonumber(more), ARGV[arg + 1] == '1', ARGV[arg + 2]
  end
  local key = prefix .. id
  if redis.call('EXISTS', key) == 1 then
    local there = redis.pcall('HMGET', key, 'data', 'created_at')
    verdicts[i] = not there.err and there[1] == data and there[2] == createdAt and 's' or 'd'
  else
    verdicts[i] = 'w'
    -- last_heartbeat must exist: a Python worker whose heartbeat creates the field deletes the job.
    redis.call('HSET', key, 'created_at', createdAt, 'data', data, 'origin', queue, 'description', description,
      'enqueued_at', nowText, 'status', 'queued', 'last_heartbeat', '')
    if rest > 2 then redis.call('HSET', key, unpack(ARGV, arg + 3, arg + rest)) end
    if ttl ~= '' then redis.call('EXPIRE', key, ttl) end
    if atFront then redis.call('LPUSH', KEYS[2], id) else back[#back + 1] = id end
    written[#written + 1] = id
  end
  arg = arg + rest
end
if #written > 0 then
  if #back > 0 then redis.call('RPUSH', KEYS[2], unpack(back)) end
  redis.call('SADD', KEYS[1], KEYS[2])
  for _, id in ipairs(written) do noteWords(KEYS[3], 10, 'enqueued', id) end
  appendEvents('', ARGV[2])
end
return table.concat(verdicts)
