-- What nothing may be taken from now: KEYS from `first` are RQ's key for all workers, then ours for each queue. Marks the
-- queues, and returns words: 0 for all workers, n for the queue of that number.
local function pausedNow(first, queues)
  local paused = {}
  local isSuspended = redis.call('EXISTS', KEYS[first]) == 1
  if isSuspended then paused[1] = '0' end
  for n, q in ipairs(queues) do
    local isPaused = redis.call('EXISTS', KEYS[first + n]) == 1
    if isPaused then paused[#paused + 1] = n end
    q.isPaused = isPaused or isSuspended
  end
  return table.concat(paused, ' ')
end
