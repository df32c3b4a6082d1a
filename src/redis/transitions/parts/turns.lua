-- In which turns jobs are taken from the queues, instead of emptying the first one first. `order` is text, `number:weight`
-- of each queue in the order of this call. Each that has jobs gives its weight's share of what is wanted, rounded up, the
-- first one first; what is missing then is shared anew among those that still have some. Answers a function that says from
-- which queue the next ones come, and how many at most; nothing when there are no more.
local function turnsOf(order, queues, wanted)
  local turns = {}
  for n, weight in string.gmatch(order, '(%d+):(%d+)') do
    local q = queues[tonumber(n)]
    if q then turns[#turns + 1] = { q = q, weight = tonumber(weight) } end
  end
  local at, share, weights, waited = #turns, 0, 0, nil
  return function()
    repeat
      at = at + 1
      if at > #turns then
        local waiting = 0
        at, share, weights = 1, wanted - taken, 0
        for _, turn in ipairs(turns) do
          if turn.q.waiting > 0 then weights, waiting = weights + turn.weight, waiting + turn.q.waiting end
        end
        -- Nothing there, or as much was looked at as one call may.
        if waiting == 0 or waiting == waited then return nil end
        waited = waiting
      end
    until turns[at].q.waiting > 0
    local turn = turns[at]
    return turn.q, math.min(wanted - taken, math.ceil(share * turn.weight / weights))
  end
end
