-- A new job's hash. `later` is its status where it waits for something, and is not queued.
local function writeNew(key, createdAt, data, queue, description, later)
  -- last_heartbeat must exist: a Python worker whose heartbeat creates the field deletes the job.
  redis.call('HSET', key, 'created_at', createdAt, 'data', data, 'origin', queue, 'description', description,
    later and 'status' or 'enqueued_at', nowText, 'status', later or 'queued', 'last_heartbeat', '')
end
