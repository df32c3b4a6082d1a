-- uses: types
-- Takes ids without a job out of a part of a queue. The others keep their order: RQ moves the whole list away and
-- back, one by one, and loses what is left when it is interrupted.
-- KEYS  1 queue list
-- ARGV  1 job prefix   2 index of the first   3 how many   4 a word that is no id
-- Returns { how many were looked at, how many were taken out }
local wrong = misfit(KEYS[1], 'list')
if wrong then return typeError(wrong) end
local from = tonumber(ARGV[2])
local ids = redis.call('LRANGE', KEYS[1], from, from + tonumber(ARGV[3]) - 1)
local gone = 0
for i, id in ipairs(ids) do
  if redis.call('EXISTS', ARGV[1] .. id) == 0 then
    redis.call('LSET', KEYS[1], from + i - 1, ARGV[4])
    gone = gone + 1
  end
end
if gone > 0 then redis.call('LREM', KEYS[1], gone, ARGV[4]) end
return { #ids, gone }
