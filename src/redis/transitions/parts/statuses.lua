-- Whether RQ knows the word. Asked for few jobs only: most are `queued`.
local function isStatus(word)
  return ({ created = true, queued = true, started = true, finished = true, failed = true, stopped = true,
    scheduled = true, deferred = true, canceled = true, rate_limited = true, ready_to_enqueue = true })[word]
end
