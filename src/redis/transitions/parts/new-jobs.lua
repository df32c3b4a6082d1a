-- names: groupPrefix groupsKey
-- The one way in: known queue, hash, place, event of new jobs. `count` jobs are read from ARGV after `arg`,
-- as `enqueue.lua` describes them. Returns a letter for each: w written, s the same one was there, d another
-- job has this id, x refused, because the key of its group has a wrong type.
local function addJobs(queuesKey, listKey, eventsKey, prefix, queue, createdAt, count, arg, logLength)
  local verdicts, back, written = {}, {}, {}
  for i = 1, count do
    local id, data, description, more = ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 3], ARGV[arg + 4]
    arg = arg + 4
    local rest, atFront, ttl = 0, false, ''
    if more ~= '' then
      rest, atFront, ttl = tonumber(more), ARGV[arg + 1] == '1', ARGV[arg + 2]
    end
    -- First among the fields. A hash that names a group which is not there makes Python's delete raise.
    local group = rest > 3 and ARGV[arg + 3] == 'group_id' and ARGV[arg + 4]
    local key = prefix .. id
    if group and (misfit(groupPrefix .. group, 'set') or misfit(groupsKey, 'set')) then
      verdicts[i] = 'x'
    elseif redis.call('EXISTS', key) == 1 then
      local there = redis.pcall('HMGET', key, 'data', 'created_at')
      verdicts[i] = not there.err and there[1] == data and there[2] == createdAt and 's' or 'd'
    else
      verdicts[i] = 'w'
      -- last_heartbeat must exist: a Python worker whose heartbeat creates the field deletes the job.
      redis.call('HSET', key, 'created_at', createdAt, 'data', data, 'origin', queue, 'description', description,
        'enqueued_at', nowText, 'status', 'queued', 'last_heartbeat', '')
      if rest > 2 then redis.call('HSET', key, unpack(ARGV, arg + 3, arg + rest)) end
      if ttl ~= '' then redis.call('EXPIRE', key, ttl) end
      if atFront then redis.call('LPUSH', listKey, id) else back[#back + 1] = id end
      written[#written + 1] = id
    end
    if group and verdicts[i] == 'w' then
      redis.call('SADD', groupPrefix .. group, id)
      redis.call('SADD', groupsKey, group)
    end
    arg = arg + rest
  end
  if #written > 0 then
    if #back > 0 then redis.call('RPUSH', listKey, unpack(back)) end
    redis.call('SADD', queuesKey, listKey)
    -- One kind of event, of one word: it needs none of what parts/events.lua has for stories.
    for from = 1, #written, eventsPerEntry do
      local to = math.min(#written, from + eventsPerEntry - 1)
      appendEntry(eventsKey, { 'enqueued', table.concat(written, ' ', from, to) }, to - from + 1, logLength)
    end
  end
  return table.concat(verdicts)
end
