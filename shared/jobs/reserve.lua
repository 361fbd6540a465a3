#!lua flags=allow-oom
-- A request's key is reserved for a request under way, or for longer, or, for 0 seconds, free again.
-- KEYS: what is known of the key. ARGV: id of the job that the request is to become, milliseconds.
-- Returns `ours`; or, and then nothing is changed, `taken` (another request under way has it) or `used` (it has become a
-- job already).
local job, holder = unpack(redis.call('HMGET', KEYS[1], 'job', 'holder'))
if job then
  return 'used'
elseif holder and holder ~= ARGV[1] then
  return 'taken'
end
redis.call('HSET', KEYS[1], 'holder', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 'ours'
