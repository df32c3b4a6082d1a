-- uses: clock types statuses elsewhere log events notes ended parents dependents
-- names: unfreedKey
-- Goes on freeing the dependents of a job that ended, where one call could not free them all. Atomic as the end
-- itself was. What is remembered counts only while the job still says so: one that was requeued ends again.
-- ARGV  1 id of the job   2 event log length
-- Returns 1 when there is more to do.
local parent = ARGV[1]
local stored = redis.pcall('HGET', unfreedKey, parent)
local how, cursor = string.match(type(stored) == 'string' and stored or '', '^(%a+) (%d+)$')
local status = redis.pcall('HGET', jobPrefix .. parent, 'status')
if not how or not statusOf[how] or type(status) == 'string' and status ~= statusOf[how] then
  redis.pcall('HDEL', unfreedKey, parent)
  return 0
end
-- First, because over maxmemory only a script that begins with a harmless write passes.
redis.call('HDEL', unfreedKey, '')
freeDependentsOf(parent, how, cursor, 0)
appendEvents('', ARGV[2])
return redis.call('HEXISTS', unfreedKey, parent)
