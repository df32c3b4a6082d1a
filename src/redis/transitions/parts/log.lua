-- One entry of a queue's event log. `lifecycle-event.ts` reads what it holds.
-- An entry holds at most this many events, so that the log stays bounded by its number of entries.
local eventsPerEntry = 100

-- `length` entries of few events each; fewer where entries are full, so that a log is some megabytes at most.
local function appendEntry(key, fields, events, length)
  local most = length
  if events > 3 then most = math.max(math.floor(length / 33), math.floor(length * 3 / events)) end
  local added = redis.pcall('XADD', key, 'MAXLEN', '~', most, '*', unpack(fields))
  if type(added) == 'table' then
    -- Somebody wrote the last id that there is. The changes are made; a log that takes nothing more begins anew.
    redis.call('DEL', key)
    redis.call('XADD', key, '*', unpack(fields))
  end
end
