-- uses: clock types statuses elsewhere log events notes ended parents dependents stuck
-- Looks through some entries of a queue's deferred registry for those that nobody will free. Reads only.
-- KEYS  1 deferred
-- ARGV  1 cursor   2 how many entries, about
-- Returns { the next cursor, id, … }.
local wrong = misfit(KEYS[1], 'zset')
if wrong then return typeError(wrong) end
local page = redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local found = { page[1] }
for i = 1, #page[2], 2 do
  local id = page[2][i]
  if judgeDeferred(id, lookAt(id, 'deferred')) then found[#found + 1] = id end
end
return found
