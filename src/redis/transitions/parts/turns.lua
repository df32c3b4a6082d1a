-- Takes jobs from queues in turns instead of emptying the first one first. `order` is text, `number:weight` of each
-- queue in the order of this call. Each that has jobs gives its weight's share of what is wanted, rounded up, the
-- first one first; what is missing then is shared anew among those that still have some.
local function takeInTurns(order, queues, wanted, takeFrom)
  local turns = {}
  for n, weight in string.gmatch(order, '(%d+):(%d+)') do
    local q = queues[tonumber(n)]
    if q then turns[#turns + 1] = { q = q, weight = tonumber(weight) } end
  end
  local missing = wanted
  while missing > 0 do
    local weights, waiting, left = 0, 0, 0
    for _, turn in ipairs(turns) do
      if turn.q.waiting > 0 then weights, waiting = weights + turn.weight, waiting + turn.q.waiting end
    end
    local share = missing
    for _, turn in ipairs(turns) do
      if missing > 0 and turn.q.waiting > 0 then
        missing = missing - takeFrom(turn.q, math.min(missing, math.ceil(share * turn.weight / weights)))
      end
      left = left + turn.q.waiting
    end
    -- Nothing there, or as much was looked at as one call may.
    if left == waiting then return end
  end
end
