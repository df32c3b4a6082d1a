-- An audit goes on where a key has a wrong type, and ends where its user lacks a right: what may not be read would pass for what
-- is not there. Scripts that use this end with `return refused or …`. Redis' own words on a right name neither command nor key.
local refused = nil
local function attempt(command, ...)
  local found = redis.pcall(command, ...)
  if type(found) == 'table' and found.err and not string.find(found.err, '^WRONGTYPE') then
    local isRight = string.find(found.err, '^NOPERM') or string.find(found.err, 'ACL failure') or string.find(found.err, "script can't")
    refused = refused or (isRight and redis.error_reply('NOPERM ' .. command .. ' ' .. (... or '') .. ': ' .. found.err) or found)
  end
  return found
end
