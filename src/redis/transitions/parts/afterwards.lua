  -- What is to be done when a job has ended, for the few that want something: callbacks and webhooks. A row for
  -- each: where it stands among the claimed jobs, then the fields, in the order of `afterwards.ts`.
  local longestField = 65536
  function made.tellAfterwards(jobKey)
    afterwards = afterwards or {}
    local rows = afterwards
    local f = redis.call('HMGET', jobKey, 'x_callbacks', 'success_callback_name', 'success_callback_timeout', 'failure_callback_name',
      'failure_callback_timeout', 'stopped_callback_name', 'stopped_callback_timeout', 'webhooks')
    local at = #rows
    rows[at + 1] = taken
    for i = 1, 8 do
      rows[at + 1 + i] = f[i] and #f[i] > longestField and 'longer than 64 KiB' or f[i]
    end
  end
