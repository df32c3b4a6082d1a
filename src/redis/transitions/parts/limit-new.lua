-- Decides whether a new job with a rate limit has to wait for a slot, and makes it wait. RQ 3: `Queue._enqueue_job`.
-- `limit` is: at front 0/1, L, how many at a time, blank, the key. Returns as `judgeNew` of `defer.lua`, and hands on to it
-- what waits for jobs: such a job is held to its limit by the claim.
local function judgeLimited(id, limit)
  local concurrency, key = string.match(limit, '^%dL(%d+) (.+)$')
  if not key then return judgeNew(id, limit) end
  local wrong = limitFault(key)
  if wrong then
    refusals[#refusals + 1] = wrong
    return 'k'
  end
  local there = redis.call('HGET', rateLimitPrefix .. key, 'concurrency')
  setLimit(key, concurrency)
  -- More may run than before: those that wait come first.
  if there and there ~= concurrency then promote(key, '') end
  if takeSlot(key, id, tonumber(concurrency)) then return 'w' end
  return 'p', { status = 'rate_limited', key = key, concurrency = concurrency }
end

local function deferOrLimit(id, queue, wait)
  if not wait.key then return defer(id, queue, wait) end
  waitForSlot(wait.key, id, wait.concurrency)
  -- While it waits, for whatever, its time to live runs; a deferred one's begins later, as in RQ.
  local ttl = integer(redis.call('HGET', jobPrefix .. id, 'ttl'))
  if ttl then redis.call('EXPIRE', jobPrefix .. id, ttl) end
end
