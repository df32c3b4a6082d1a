-- For an audit a key of a wrong type is nothing that ends it, but a right that its user lacks is: what may not be read would pass
-- for what is not there. Scripts that use this end with `return refused or …`, as Redis' own words name neither command nor key.
local refused = nil
local function attempt(command, ...)
  local found = redis.pcall(command, ...)
  if type(found) == 'table' and found.err and not string.find(found.err, '^WRONGTYPE') then
    refused = refused or redis.error_reply('NOPERM ' .. command .. ' ' .. (... or '') .. ': ' .. found.err)
  end
  return found
end
