-- uses: refusals
-- What an audit wants to know of many jobs' hashes. Reads only.
-- ARGV  1 job prefix   2 number of fields, then their names, then ids
-- Returns for each id: 0 when it is missing, -1 when it is no hash, else
--         { has data 0/1, ms to live or -1, value or false, … }; values are cut at 300 bytes.
local prefix, fields = ARGV[1], tonumber(ARGV[2])
local names = { unpack(ARGV, 3, 2 + fields) }
local found = {}
for n = 3 + fields, #ARGV do
  local key = prefix .. ARGV[n]
  local values = attempt('HMGET', key, unpack(names))
  if values.err then
    found[#found + 1] = -1
  else
    local ttl = attempt('PTTL', key)
    if ttl == -2 then
      found[#found + 1] = 0
    else
      local row = { attempt('HEXISTS', key, 'data'), ttl }
      for i = 1, fields do row[i + 2] = values[i] and string.sub(values[i], 1, 300) end
      found[#found + 1] = row
    end
  end
end
return refused or found
