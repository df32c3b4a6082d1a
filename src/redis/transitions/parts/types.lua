-- A wrong type met in the middle of a script leaves the earlier writes behind, so types are looked at first.
-- Returns what is wrong with the key, or nil.
local function misfit(key, wanted)
  local found = redis.call('TYPE', key).ok
  if found ~= wanted and found ~= 'none' then
    return 'Key ' .. key .. ' holds a ' .. found .. ' where a ' .. wanted .. ' belongs'
  end
end

local function typeError(text)
  return redis.error_reply('RXRQTYPE ' .. text)
end

-- A whole number as RQ's readers accept it; nil for anything else, so that one odd field never stops a script.
local function integer(text)
  if text and #text <= 15 and string.find(text, '^%-?%d+$') then return tonumber(text) end
end
