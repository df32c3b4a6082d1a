-- names: startsPrefix
-- How many jobs of a queue may be taken in a time: at most `max` in any `perMs`, a window that slides. The starts of each
-- call are one entry of a list, `<ms> <how many>`; `used` is their sum, so that nobody has to add them up.

-- Marks the queues that have a limit. KEYS from `first` on are the limits, one for each queue.
local function startLimits(first, queues)
  for n, q in ipairs(queues) do
    local limit = { key = KEYS[first + n - 1], starts = startsPrefix .. string.sub(q.list, #'rq:queue:' + 1), taken = 0 }
    local f = redis.pcall('HMGET', limit.key, 'max', 'perMs', 'used')
    local max, perMs = not f.err and integer(f[1]), integer(f[2])
    if max and perMs and perMs > 0 and not misfit(limit.starts, 'list') then
      limit.perMs, limit.used = perMs, integer(f[3]) or 0
      while true do
        local head = redis.call('LINDEX', limit.starts, 0)
        if not head then
          limit.used = 0
          break
        end
        local at, count = string.match(head, '^(%d+) (%d+)$')
        at = integer(at)
        -- A start of the future is from before the clock was set back.
        if at and at > nowMs - perMs and at <= nowMs then
          limit.nextMs = at + perMs - nowMs
          break
        end
        redis.call('LPOP', limit.starts)
        limit.used, limit.isStale = limit.used - (integer(count) or 0), true
      end
      limit.left = math.max(0, max - limit.used)
      q.limit = limit
    end
  end
end

-- Writes down what was taken. Returns a semicolon and words: of each queue that its limit holds back the number, and when
-- more may start, in ms; '' when there is none.
local function spendStarts(queues)
  local heldBack = {}
  for n, q in ipairs(queues) do
    local limit = q.limit
    if limit then
      if limit.taken > 0 then
        redis.call('RPUSH', limit.starts, nowMs .. ' ' .. limit.taken)
        redis.call('PEXPIRE', limit.starts, limit.perMs + 60000)
      end
      if limit.taken > 0 or limit.isStale then redis.call('HSET', limit.key, 'used', limit.used + limit.taken) end
      if limit.left == 0 and limit.hasMore then
        heldBack[#heldBack + 1], heldBack[#heldBack + 2] = n, limit.nextMs or limit.perMs
      end
    end
  end
  return heldBack[1] and ';' .. table.concat(heldBack, ' ') or ''
end
