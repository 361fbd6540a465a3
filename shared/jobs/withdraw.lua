#!lua flags=allow-oom
-- A job of which nobody knows whether it was created is not there afterwards, and will not be: a creation that is still
-- on its way finds the note. Its request's key is free again; who waits for its end takes its place.
-- KEYS: as create.lua's. ARGV: job id, seconds for which the note is kept.
-- Returns 1; 0 where it is there and another client knows of it, who has sent the same request: then it stays.
if KEYS[10] then
  local job, told, holder = unpack(redis.call('HMGET', KEYS[10], 'job', 'told', 'holder'))
  if job == ARGV[1] and told then
    return 0
  end
  if job == ARGV[1] or holder == ARGV[1] then
    redis.call('DEL', KEYS[10])
  end
end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local leader, result = unpack(redis.call('HMGET', KEYS[1], 'follows', 'result_key'))
local owner = result and string.match(result, '^results/(%w+)/')
if leader and leader ~= '' then
  leave(ARGV[1], leader)
elseif owner then
  redis.call('SREM', key_of(owner) .. ':users', ARGV[1])
end
succeed_to(ARGV[1], redis.call('ZSCORE', KEYS[4], ARGV[1]) or now, now)
-- Nobody is told of it; the outbox forgets what is not there when it comes to it.
for _, event in ipairs({'succeeded', 'failed', 'cancelled', 'running'}) do
  local told = 'msg_' .. ARGV[1] .. '_' .. event
  redis.call('DEL', string.sub(KEYS[1], 1, -37) .. 'delivery:' .. told)
  redis.call('ZREM', string.sub(KEYS[1], 1, -37) .. 'given_up', told)
end
redis.call('SET', KEYS[7], '', 'EX', ARGV[2])
step_out(ARGV[1])
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[9], ARGV[1])
return 1
