-- uses: types
-- Sends a command to a worker: published where RQ's workers listen as well, and, for one of ours, left in its
-- mailbox, because a published message is lost on whoever is just reconnecting. Atomic so that a worker that
-- is being born never finds what was meant for the dead one of its name.
-- KEYS  1 worker hash   2 mailbox
-- ARGV  1 channel   2 command, JSON   3 how long it may wait in the mailbox, s
-- Returns { version, listeners }; version is '' when no such worker lives, and then nothing was sent.
local wrong = misfit(KEYS[1], 'hash') or misfit(KEYS[2], 'list')
if wrong then return typeError(wrong) end
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[1], 'death') == 1 then return { '', 0 } end
local version = redis.call('HGET', KEYS[1], 'version') or '?'
if version == 'rxrq' then
  redis.call('RPUSH', KEYS[2], ARGV[2])
  redis.call('EXPIRE', KEYS[2], ARGV[3])
end
return { version, redis.call('PUBLISH', ARGV[1], ARGV[2]) }
