-- uses: refusals
-- What one job is and where its id stands at one moment, in the keys of some queues. Reads only.
-- ARGV  1 id   2 the most ids of a list to look through   3 job key   4 FailedQueue list   5 number of fields, their
--         names, then for each queue the keys: list, intermediate, wip, finished, failed, scheduled, deferred,
--         canceled, leases
-- Returns { seconds, micros, hash as `read-jobs.lua`, places in the FailedQueue, for each queue: { how often in the list, in flight 0/1,
--           { member, score, end of its worker's lease or '', … }, five scores or '' } }
local id, most = ARGV[1], tonumber(ARGV[2])
local clock = attempt('TIME')

local function count(key)
  local size = attempt('LLEN', key)
  if type(size) == 'table' or size == 0 then return 0 end
  if size <= 2 * most then return #attempt('LPOS', key, id, 'COUNT', 2) end
  return #attempt('LPOS', key, id, 'COUNT', 2, 'MAXLEN', most) + #attempt('LPOS', key, id, 'COUNT', 2, 'RANK', -1, 'MAXLEN', most)
end

local function hash()
  local fields = tonumber(ARGV[5])
  local values = attempt('HMGET', ARGV[3], unpack(ARGV, 6, 5 + fields))
  if values.err then return -1 end
  local ttl = attempt('PTTL', ARGV[3])
  if ttl == -2 then return 0 end
  local row = { attempt('HEXISTS', ARGV[3], 'data'), ttl }
  for i = 1, fields do row[i + 2] = values[i] and string.sub(values[i], 1, 300) end
  return row
end

local answer = { clock[1], clock[2], hash(), count(ARGV[4]) }
for at = 6 + tonumber(ARGV[5]), #ARGV, 9 do
  local leases, start = {}, id .. ':'
  local members = attempt('ZRANGE', ARGV[at + 2], 0, -1, 'WITHSCORES')
  if not members.err then
    for i = 1, #members, 2 do
      local member = members[i]
      if member == id or string.sub(member, 1, #start) == start then
        local tag = string.sub(member, #start + 1, #start + 12)
        local lease = tag ~= '' and attempt('ZSCORE', ARGV[at + 8], tag) or ''
        leases[#leases + 1] = member
        leases[#leases + 1] = members[i + 1]
        leases[#leases + 1] = type(lease) == 'string' and lease or ''
      end
    end
  end
  local row = { count(ARGV[at]), count(ARGV[at + 1]), leases }
  for n = 3, 7 do
    local score = attempt('ZSCORE', ARGV[at + n], id)
    row[n + 1] = type(score) == 'string' and score or ''
  end
  answer[#answer + 1] = row
end
return refused or answer
