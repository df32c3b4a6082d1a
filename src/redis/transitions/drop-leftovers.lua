-- Takes ids off the FailedQueue's list whose jobs have not failed, or do not say so any more.
-- KEYS  1 FailedQueue list
-- ARGV  1 job prefix   then ids
-- Returns 1.
for i = 2, #ARGV do
  local status = redis.pcall('HGET', ARGV[1] .. ARGV[i], 'status')
  if status ~= 'failed' and status ~= 'stopped' then redis.call('LREM', KEYS[1], 1, ARGV[i]) end
end
return 1
