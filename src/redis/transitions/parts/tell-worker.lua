-- Tells the worker of a running job to ask what became of it, instead of waiting for its next heartbeat. Only a
-- hint: a worker that does not hear it, or is Python's and does not know the word, misses nothing.
local function tellWorker(channelPrefix, worker)
  if worker and worker ~= '' then redis.pcall('PUBLISH', channelPrefix .. worker, '{"command":"rxrq-look"}') end
end
