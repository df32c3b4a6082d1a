-- uses: types
-- Forgets a queue that has no waiting jobs. Atomic with the look at its list: a queue that is not among the known
-- ones, but has jobs, is shown by no tool.
-- KEYS  1 rq:queues   2 queue list
-- Returns 1 when it is forgotten, 0 when jobs wait.
local wrong = misfit(KEYS[1], 'set') or misfit(KEYS[2], 'list')
if wrong then return typeError(wrong) end
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('SREM', KEYS[1], KEYS[2])
return 1
