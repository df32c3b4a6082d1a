-- Of some jobs those that say they run, or that somebody claimed ahead: few of many, so that a look at all jobs costs a call
-- for a page. Reads only.
-- KEYS  job hashes
-- Returns for each of them, one behind the other: the number of its key, status, origin, x_exec, started_at, enqueued_at.
local picked = {}
for n, key in ipairs(KEYS) do
  -- A key of another type is no job, and an audit's business.
  local f = redis.pcall('HMGET', key, 'status', 'x_exec')
  local status, held = f[1], f[2]
  if status == 'started' or status == 'queued' and held and held ~= '' then
    local more = redis.call('HMGET', key, 'origin', 'started_at', 'enqueued_at')
    for _, value in ipairs({ n, status, more[1], held, more[2], more[3] }) do picked[#picked + 1] = value end
  end
end
return picked
