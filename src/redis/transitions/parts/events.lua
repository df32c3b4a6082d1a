-- The event log: everything that one script call changes in a queue becomes one entry of its stream.
-- Frequent kinds are words in a row, rare ones JSON lists. `lifecycle-event.ts` reads both.
local log = {}

local function addWords(row, first, second, third)
  local at = #row
  row[at + 1] = first
  if second then
    row[at + 2], row[at + 3] = second, third
  end
end

-- An event, of one word or of three, at one place of the entry of a queue: `place` keeps the order of a story within the entry,
-- what ended comes before what begins. Answers the row of its kind, to which further ones may be added.
local function noteWords(key, place, kind, first, second, third)
  local rows = log[key]
  if not rows then
    rows = {}
    log[key] = rows
  end
  for n = 1, #rows do
    local row = rows[n]
    if row.place == place and row.kind == kind then
      addWords(row, first, second, third)
      return row
    end
  end
  -- Made with its first words in it: a table that grows is dear.
  local row = { place = place, kind = kind, width = second and 3 or 1, list = false, first, second, third }
  rows[#rows + 1] = row
  return row
end

local function appendEvents(worker, length)
  for key, rows in pairs(log) do
    local one, two = rows[1], rows[2]
    if worker ~= '' and two and not rows[3] and not one.list and not two.list and one.place < two.place and #one + #two <= eventsPerEntry then
      -- Few jobs ended and as many began: nearly every call.
      appendEntry(key, { 'worker', worker, one.kind, table.concat(one, ' '), two.kind, table.concat(two, ' ') },
        #one / one.width + #two / two.width, length)
    else
      -- The rows of one queue, cut into entries.
      table.sort(rows, function(a, b) return a.place < b.place end)
      local fields, events
      local function begin()
        fields, events = worker ~= '' and { 'worker', worker } or {}, 0
      end
      begin()
      for _, row in ipairs(rows) do
        local all, width = row.list or row, row.width
        local count = #all / width
        local from = 1
        while from <= count do
          local to = math.min(count, from + eventsPerEntry - events - 1)
          fields[#fields + 1] = row.kind
          if not row.list then
            fields[#fields + 1] = table.concat(all, ' ', (from - 1) * width + 1, to * width)
          elseif row.isText then
            fields[#fields + 1] = '[' .. all[1] .. ']'
          else
            fields[#fields + 1] = cjson.encode(from == 1 and to == count and all or { unpack(all, from, to) })
          end
          events = events + to - from + 1
          from = to + 1
          if events >= eventsPerEntry then
            appendEntry(key, fields, events, length)
            begin()
          end
        end
      end
      if events > 0 then appendEntry(key, fields, events, length) end
    end
  end
end
