-- Puts an element that a blocking pop brought back to the head of its queue, when nobody has room for it.
-- Atomic because between the two lists it would be in neither.
-- KEYS  1 intermediate list   2 queue list
-- ARGV  1 id
-- Returns 1 when it moved, 0 when somebody else had taken it.
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
redis.call('LPUSH', KEYS[2], ARGV[1])
return 1
