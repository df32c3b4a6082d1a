-- uses: types
-- Brings an id that a dead worker left in the in-flight list back to the head of its queue. The caller saw
-- it there in two looks at least ten seconds apart; a Python worker's gap there is milliseconds, or seconds where
-- it starts an interpreter for each job. RQ 2.x takes its lease before, while the job still says `queued`.
-- Every janitor has looked for itself. What one of them brings back the next Python worker may have in its hand at once,
-- where another janitor finds it and takes it for what it saw ten seconds ago: so it is left alone for as long again.
-- KEYS  1 intermediate list   2 queue list   3 wip
-- ARGV  1 job prefix   2 executions prefix   3 id   4 first-seen infix   5 brought-back infix   6 how long it is left alone then, ms
-- Returns 1 when it moved, 0 when somebody has a lease of it, it was brought back just now, or it is gone.
local wrong = misfit(KEYS[1], 'list') or misfit(KEYS[2], 'list') or misfit(KEYS[3], 'zset')
if wrong then return typeError(wrong) end
local id = ARGV[3]
local broughtBack = KEYS[1] .. ARGV[5] .. id
if redis.call('EXISTS', broughtBack) == 1 then return 0 end
local f = redis.pcall('HMGET', ARGV[1] .. id, 'status', 'x_exec')
if not f.err and f[1] then
  if redis.call('ZSCORE', KEYS[3], id) or (f[2] and redis.call('ZSCORE', KEYS[3], id .. ':' .. f[2])) then return 0 end
  local list = redis.pcall('ZRANGE', ARGV[2] .. id, 0, 20)
  for _, execution in ipairs(list.err and {} or list) do
    if redis.call('ZSCORE', KEYS[3], id .. ':' .. execution) then return 0 end
  end
end
if redis.call('LREM', KEYS[1], 1, id) == 0 then return 0 end
redis.call('DEL', KEYS[1] .. ARGV[4] .. id)
-- Whatever the hash says, the claim is the judge: it drops or quarantines what must not run.
redis.call('LPUSH', KEYS[2], id)
redis.call('SET', broughtBack, 1, 'PX', ARGV[6])
return 1
