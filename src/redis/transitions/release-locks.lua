-- A scheduler leaves: its locks go, unless they are somebody else's by now, and its hash.
-- KEYS  1 our own hash   then the lock of each queue
-- ARGV  1 our name
for n = 2, #KEYS do
  if redis.pcall('GET', KEYS[n]) == ARGV[1] then redis.call('DEL', KEYS[n]) end
end
return redis.call('DEL', KEYS[1])
