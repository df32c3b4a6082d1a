-- uses: clock
-- A busy worker was told to stop: its record says since when, as RQ's does.
-- KEYS  1 worker hash
-- Returns 1, or 0 when there is no record; none is made, it would have no lifetime.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'shutdown_requested_date', nowText)
return 1
