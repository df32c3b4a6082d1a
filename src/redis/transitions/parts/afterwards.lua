  -- What is to be done when a job has ended, for the few that want something: callbacks and webhooks. A row for
  -- each: which job, then the fields, in the order of `afterwards.ts`.
  local longestField = 65536
  local function addRow(job, jobKey)
    afterwards = afterwards or {}
    local rows = afterwards
    local f = redis.call('HMGET', jobKey, 'x_callbacks', 'success_callback_name', 'success_callback_timeout', 'failure_callback_name',
      'failure_callback_timeout', 'stopped_callback_name', 'stopped_callback_timeout', 'webhooks', 'created_at', 'x_born')
    local at = #rows
    rows[at + 1] = job
    for i = 1, 10 do
      rows[at + 1 + i] = f[i] and #f[i] > longestField and 'longer than 64 KiB' or f[i]
    end
  end

  -- The job that was claimed last: where it stands among the claimed ones.
  function made.tellAfterwards(jobKey) addRow(taken, jobKey) end

  -- One that is quarantined instead of being claimed: nobody will run it and say how it ended.
  function made.tellUnclaimed(q, jobKey, id, reason) addRow(q.number .. ' ' .. id .. ' ' .. reason, jobKey) end
