-- uses: clock types log events
-- Writes what a running job says of itself: meta, progress, log lines. Only while the execution holds the job:
-- a late word must not touch a job that somebody else runs by now, nor bring back one that was deleted.
-- KEYS  1 job   2 wip   3 events
-- ARGV  1 id   2 execution   3 worker   4 event log length   5 meta or ''   6 progress, JSON, or ''
--       7 log lines, JSON list, or ''
-- Returns 1 when it was written, 0 when the job is not held.
local wrong = misfit(KEYS[1], 'hash') or misfit(KEYS[2], 'zset') or misfit(KEYS[3], 'stream')
if wrong then return typeError(wrong) end
local id, execution = ARGV[1], ARGV[2]
if not redis.call('ZSCORE', KEYS[2], id .. ':' .. execution) or redis.call('HEXISTS', KEYS[1], 'data') == 0 then return 0 end

-- The record is JSON text already: decoding it here would turn an empty list into an object and cut long numbers.
local rows = {}
log[KEYS[3]] = rows
local function noteText(place, kind, json)
  rows[#rows + 1] = { place = place, kind = kind, width = 1, list = { json }, isText = true }
end

local whose = '{"jobId":' .. cjson.encode(id) .. ',"execution":' .. cjson.encode(execution) .. ','
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'meta', ARGV[5]) end
if ARGV[6] ~= '' then
  redis.call('HSET', KEYS[1], 'x_progress', ARGV[6])
  noteText(15, 'progressed', whose .. '"progress":' .. ARGV[6] .. '}')
end
if ARGV[7] ~= '' then noteText(16, 'logged', whose .. '"lines":' .. ARGV[7] .. '}') end
appendEvents(ARGV[3], ARGV[4])
return 1
