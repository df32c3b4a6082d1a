-- Whether RQ knows the word. Asked for few jobs only: most are `queued`. A job with any other is put aside by the claim, which
-- says why: who finds one elsewhere puts it on its queue as it is.
local function isStatus(word)
  return ({ created = true, queued = true, started = true, finished = true, failed = true, stopped = true,
    scheduled = true, deferred = true, canceled = true, rate_limited = true, ready_to_enqueue = true })[word]
end
