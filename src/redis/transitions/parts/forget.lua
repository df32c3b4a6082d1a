-- names: jobPrefix groupPrefix groupsKey resultsPrefix
-- A job that is not kept is gone at once, with all that RQ keeps beside it: of an earlier run that failed it may have
-- results without an end. Out of its group as well: that would list it until somebody prunes. Its dependents are still to
-- be freed.
local function forget(jobKey, id)
  local group = redis.call('HGET', jobKey, 'group_id')
  if group and group ~= '' and redis.pcall('SREM', groupPrefix .. group, id) == 1
    and redis.call('EXISTS', groupPrefix .. group) == 0 then redis.pcall('SREM', groupsKey, group) end
  redis.call('DEL', jobKey, resultsPrefix .. id, jobPrefix .. ':' .. id .. ':dependencies')
end
