-- For what a person does by hand: whether a job is in the place that is asked for, whatever its status says.

-- Whether a job waits in the registry for this status. Where hash and registry disagree it does so only if it is in no
-- other place; in none at all, its own word counts.
local function standsAs(wanted, name, id, status)
  if hasEndedAs(status, name, id) then return false end
  local isThere = isRegistered(wanted, name, id)
  if isThere == (status == wanted) then return isThere end
  for other in pairs(registryOf) do
    if other ~= wanted and isRegistered(other, name, id) then return false end
  end
  return not isListed(name, id) and not isHeld(wipPrefix .. name, id)
end

-- Whether an id that was found in the list of a queue waits there, as the claim would judge it. One of a job that runs, has
-- ended, or is in the registry that its status names is a leftover.
local function standsInList(name, id, status, execution)
  if status == 'queued' and not execution then return true end
  local jobKey = jobPrefix .. id
  if hasEndedAs(status, name, id) or redis.pcall('HEXISTS', jobKey, 'data') ~= 1 then return false end
  -- An id that somebody moved to another list may be held, or registered, in its origin.
  local origin = redis.call('HGET', jobKey, 'origin')
  for _, queue in ipairs({ name, origin and origin ~= name and origin or nil }) do
    local wip = wipPrefix .. queue
    if isRegistered(status, queue, id) or status == 'started' and isHeld(wip, id)
      or execution and type(redis.pcall('ZSCORE', wip, id .. ':' .. execution)) == 'string' then return false end
  end
  return true
end

-- Whether a job stands among those that ended so: `finished`, `failed` or `canceled`. One that says what it was before its end
-- does where the registry has it and no other place; in none at all its own word counts.
local function standsAsEnded(wanted, name, id, status)
  if hasEndedAs(status, name, id) then return endOf[status] == endOf[wanted] end
  if waitsIn(name, id) or isHeld(wipPrefix .. name, id) then return false end
  return endOf[status] == endOf[wanted] or type(redis.pcall('ZSCORE', endOf[wanted] .. name, id)) == 'string'
end
