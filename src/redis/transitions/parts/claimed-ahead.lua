-- The execution that a worker claimed the job for and has not begun, as far as anybody knows; nil when there is none. It may
-- begin before the worker hears what became of the job, and nothing else in the log would name it.
local function claimedAhead(wip, id, status, execution)
  if status == 'queued' and execution and redis.call('ZSCORE', wip, id .. ':' .. execution) then return execution end
end
