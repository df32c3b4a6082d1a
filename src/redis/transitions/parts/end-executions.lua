-- Takes from whoever runs a job the right to end it: leases in its queue, and what RQ keeps of executions.
local function endLeases(wipKey, id)
  for _, member in ipairs(redis.call('ZRANGE', wipKey, 0, -1)) do
    if member == id or string.sub(member, 1, #id + 1) == id .. ':' then redis.call('ZREM', wipKey, member) end
  end
end

local function forgetExecutions(executionsKey, executionPrefix, id)
  local executions = redis.pcall('ZRANGE', executionsKey, 0, -1)
  if executions.err then return end
  for _, execution in ipairs(executions) do redis.call('DEL', executionPrefix .. id .. ':' .. execution) end
  redis.call('DEL', executionsKey)
end
