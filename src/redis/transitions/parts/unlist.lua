-- An id off the list of the FailedQueue. After a bad day that is a million long: it is searched a little from both
-- ends. An entry that stays is a leftover, which is shown to nobody and dropped by a cleaning.
local function unlist(listKey, id)
  if redis.call('LPOS', listKey, id, 'MAXLEN', 1000) then
    redis.call('LREM', listKey, 1, id)
  elseif redis.call('LPOS', listKey, id, 'RANK', -1, 'MAXLEN', 1000) then
    redis.call('LREM', listKey, -1, id)
  end
end
