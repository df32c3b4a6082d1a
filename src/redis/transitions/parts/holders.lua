-- Who holds a job now.

-- The same id further back in the list: its lease of this call is not written yet.
local function isTakenNow(id)
  for at = 5, #reply, 4 do
    if string.find(reply[at], id .. ' ', 1, true) == 1 then return true end
  end
  return false
end

-- Of a job that says `started`: if nobody holds it, its id in the queue is the only thing left of it and must run. An id that
-- somebody moved to another list may be held in the registry of its origin.
local function heldByAnyone(q, jobKey, id)
  if isTakenNow(id) or isHeld(q.wip, id) then return true end
  local origin = redis.call('HGET', jobKey, 'origin')
  return origin and isHeld(wipPrefix .. origin, id)
end
