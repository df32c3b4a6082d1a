-- uses: types
-- Takes jobs out of their group; an empty group is none. Atomic because a hash that still names a group which is
-- gone makes Python's `Job.delete` raise.
-- KEYS  1 the group's set   2 rq:groups
-- ARGV  1 job prefix   2 group   3 how many of any ('' for the ids that follow)   then ids
-- Returns { how many left it, how many are in it still }
local wrong = misfit(KEYS[1], 'set') or misfit(KEYS[2], 'set')
if wrong then return typeError(wrong) end
local left = 0
local function forget(id)
  left = left + 1
  local key = ARGV[1] .. id
  local group = redis.pcall('HGET', key, 'group_id')
  if group == ARGV[2] then redis.call('HDEL', key, 'group_id') end
end
if ARGV[3] ~= '' then
  for _, id in ipairs(redis.call('SPOP', KEYS[1], ARGV[3])) do forget(id) end
else
  for i = 4, #ARGV do
    if redis.call('SREM', KEYS[1], ARGV[i]) == 1 then forget(ARGV[i]) end
  end
end
local rest = redis.call('SCARD', KEYS[1])
if rest == 0 then redis.call('SREM', KEYS[2], ARGV[2]) end
return { left, rest }
