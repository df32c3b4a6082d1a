-- RQ's `enqueue(job_id=…)` writes over the hash that an earlier job of this id left, and what is ours of that one stays in it.
-- `x_born` says of which job it is, by its `created_at`, which RQ's `save()` leaves as it is.
-- Takes away what is of an earlier one. Whether it did, and when this one was made.
local function forgetEarlierLife(jobKey)
  local f = redis.call('HMGET', jobKey, 'created_at', 'x_born')
  local isOther = f[1] and f[2] and f[2] ~= '' and f[1] ~= f[2]
  if isOther then redis.call('HDEL', jobKey, 'x_callbacks', 'x_recoveries', 'x_passes', 'x_passed', 'x_born') end
  return isOther, f[1] or ''
end
