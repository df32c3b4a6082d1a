-- One kind of event, of one word: it needs none of what parts/events.lua has for stories.
local function tell(eventsKey, kind, ids, logLength)
  for from = 1, #ids, eventsPerEntry do
    local to = math.min(#ids, from + eventsPerEntry - 1)
    appendEntry(eventsKey, { kind, table.concat(ids, ' ', from, to) }, to - from + 1, logLength)
  end
end
