-- Writes a field of a job as it is: a write that changes nothing, for replicas to confirm it and what came before.
-- Atomic because a hash that has gone in the meantime must not come back as a torso.
--
-- KEYS  1 job hash
-- Returns 1, or 0 when the job is gone or holds no creation time.
local createdAt = redis.call('HGET', KEYS[1], 'created_at')
if not createdAt then return 0 end
redis.call('HSET', KEYS[1], 'created_at', createdAt)
return 1
