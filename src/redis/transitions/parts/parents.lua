-- names: jobPrefix
-- What a job waits for. A parent is met when it finished, when it failed and the job allows that, and when it has
-- no hash (any more): results are kept for minutes. RQ: `Job.dependencies_are_met`.
local function statusOfParent(parent)
  return redis.pcall('HGET', jobPrefix .. parent, 'status')
end

local function isMet(status, allowsFailure)
  return type(status) ~= 'string' or status == 'finished' or status == 'failed' and allowsFailure
end

-- Ids of a job's parents: RQ's set, else what its hash says (`dependency_ids`, JSON).
local function parentsOf(id, named)
  local set = redis.pcall('SMEMBERS', jobPrefix .. ':' .. id .. ':dependencies')
  if not set.err and #set > 0 then return set end
  local ok, list = pcall(cjson.decode, named or '')
  local parents = {}
  for _, parent in ipairs(ok and type(list) == 'table' and list or {}) do
    if type(parent) == 'string' then parents[#parents + 1] = parent end
  end
  return parents
end

-- Python's tools list the parents of a job that waits no more, for a while. Should its hash expire, nothing else would
-- take their set away.
local function expireParents(id)
  redis.call('EXPIRE', jobPrefix .. ':' .. id .. ':dependencies', 86400)
end

-- The job waits no more: its parents forget it. RQ leaves it with them, and runs it again when one ends again.
local function leaveParents(id, parents)
  for _, parent in ipairs(parents) do redis.pcall('SREM', jobPrefix .. parent .. ':dependents', id) end
  expireParents(id)
end
