-- On a Redis Cluster a space has all its keys under one hash tag. A transition knows nothing of that: the first key is
-- the tag, the others lose it, and what is called by a plain name is called with the tag before it. So names that are kept
-- as values, or come as arguments, are plain everywhere.
local spaceTag = table.remove(KEYS, 1)
for n, key in ipairs(KEYS) do KEYS[n] = string.sub(key, #spaceTag + 1) end
local takesOnlyKeys = { DEL = true, EXISTS = true }
local function inSpace(call)
  return function(command, key, ...)
    if not key then return call(command) end
    if not takesOnlyKeys[command] then return call(command, spaceTag .. key, ...) end
    local names = { key, ... }
    for n, name in ipairs(names) do names[n] = spaceTag .. name end
    return call(command, unpack(names))
  end
end
local redis = setmetatable({ call = inSpace(redis.call), pcall = inSpace(redis.pcall) }, { __index = redis })

