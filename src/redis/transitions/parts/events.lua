-- The event log: everything that one script call changes in a queue becomes one entry of its stream.
-- Frequent kinds are words in a row, rare ones JSON lists. `lifecycle-event.ts` reads both.
local log = {}

local function logOf(key)
  local entry = log[key]
  if not entry then
    entry = { order = {}, words = {}, lists = {} }
    log[key] = entry
  end
  return entry
end

-- `place` keeps the order of a story within the entry: what ended comes before what begins. An event of one
-- word has only `first`.
local function noteWords(key, place, kind, first, second, third)
  local entry = log[key] or logOf(key)
  local row = entry.words[place]
  if not row then
    row = second and { first, second, third } or { first }
    entry.words[place] = row
    entry.order[#entry.order + 1] = { place = place, kind = kind, words = row, width = second and 3 or 1 }
    return
  end
  local at = #row
  row[at + 1] = first
  if second then
    row[at + 2], row[at + 3] = second, third
  end
end

local function note(key, place, kind, record)
  local entry = logOf(key)
  local list = entry.lists[place]
  if not list then
    list = {}
    entry.lists[place] = list
    entry.order[#entry.order + 1] = { place = place, kind = kind, list = list }
  end
  list[#list + 1] = record
end

-- An event whose record is JSON text already: decoding it here would turn an empty list into an object and cut
-- long numbers.
local function noteText(key, place, kind, json)
  local entry = logOf(key)
  entry.order[#entry.order + 1] = { place = place, kind = kind, list = { json }, isText = true }
end

-- Ids of others may be any bytes; JSON in the log must stay text.
local function printable(text)
  local safe = string.gsub(string.sub(text, 1, 200), '[^%w%p ]', function(c) return string.format('\\x%02x', string.byte(c)) end)
  return safe
end

-- The rows of one queue, cut into entries.
local function appendRows(key, worker, rows, length)
  table.sort(rows, function(a, b) return a.place < b.place end)
  local fields, events
  local function begin()
    fields, events = worker ~= '' and { 'worker', worker } or {}, 0
  end
  begin()
  for _, row in ipairs(rows) do
    local all, width = row.words or row.list, row.width or 1
    local count = #all / width
    local from = 1
    while from <= count do
      local to = math.min(count, from + eventsPerEntry - events - 1)
      fields[#fields + 1] = row.kind
      if row.words then
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

local function appendEvents(worker, length)
  length = tonumber(length)
  for key, entry in pairs(log) do
    local order = entry.order
    local one, two = order[1], order[2]
    if worker ~= '' and two and not order[3] and one.words and two.words and one.place < two.place and #one.words + #two.words <= eventsPerEntry then
      -- Few jobs ended and as many began: nearly every call.
      appendEntry(key, { 'worker', worker, one.kind, table.concat(one.words, ' '), two.kind, table.concat(two.words, ' ') },
        #one.words / one.width + #two.words / two.width, length)
    else
      appendRows(key, worker, order, length)
    end
  end
end
