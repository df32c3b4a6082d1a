-- A wrong type met in the middle of a script leaves the earlier writes behind, so types are looked at first.
-- Asking for the size is cheaper than asking for the type: TYPE answers with a table, a size is a number.

-- Returns what is wrong with the key, or nil; and its size.
local function misfit(key, wanted)
  -- Not from a table: every call of a script would make it anew.
  local ask = wanted == 'list' and 'LLEN' or wanted == 'zset' and 'ZCARD' or wanted == 'stream' and 'XLEN' or wanted == 'set' and 'SCARD'
    or wanted == 'hash' and 'HLEN' or 'STRLEN'
  local size = redis.pcall(ask, key)
  if type(size) == 'table' then
    return 'Key ' .. key .. ' holds a ' .. redis.call('TYPE', key).ok .. ' where a ' .. wanted .. ' belongs'
  end
  return nil, size
end

local function typeError(text)
  return redis.error_reply('RXRQTYPE ' .. text)
end

-- A whole number as RQ's readers accept it; nil for anything else, so that one odd field never stops a script.
-- At most 13 digits: Lua prints sums of longer ones as 1e+14, which Redis takes for no number.
local function integer(text)
  if text and #text <= 13 and string.find(text, '^%-?%d+$') then return tonumber(text) end
end
