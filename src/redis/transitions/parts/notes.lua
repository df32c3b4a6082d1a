-- Events of rare kinds, each with a record of its own.
local function note(key, place, kind, record)
  local row = noteWords(key, place, kind)
  row.list = row.list or {}
  row.list[#row.list + 1] = record
end

-- Ids of others may be any bytes; JSON in the log must stay text.
local function printable(text)
  local safe = string.gsub(string.sub(text, 1, 200), '[^%w%p ]', function(c) return string.format('\\x%02x', string.byte(c)) end)
  return safe
end
