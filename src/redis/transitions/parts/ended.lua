-- names: groupPrefix groupsKey
-- Jobs that ended in this call, for `dependents.lua`: of those that finished the keys of their dependents, of the others
-- their ids, and by its id the status of one that did not just fail.
local finishedNow, failedNow = {}, {}

-- A job that is not kept is gone at once, out of its group as well: that would list it until somebody prunes.
local function forget(jobKey, id)
  local group = redis.call('HGET', jobKey, 'group_id')
  if group and group ~= '' and redis.pcall('SREM', groupPrefix .. group, id) == 1
    and redis.call('EXISTS', groupPrefix .. group) == 0 then redis.pcall('SREM', groupsKey, group) end
  redis.call('DEL', jobKey)
end
