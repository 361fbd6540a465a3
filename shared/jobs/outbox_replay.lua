#!lua
-- A delivery is due now, with all of its attempts before it; one that is being sent is left alone.
-- KEYS: as outbox_settle.lua's. ARGV: the delivery's id, its host.
-- Returns 1 if there is such a delivery.
local state = redis.call('HGET', KEYS[1], 'state')
if not state then
  return 0
end
if state ~= 'sending' then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
  redis.call('ZADD', KEYS[3], now, ARGV[1])
  redis.call('ZADD', KEYS[2], 'LT', now, ARGV[2])
  redis.call('ZREM', KEYS[4], ARGV[1])
  redis.call('HSET', KEYS[1], 'state', 'waiting', 'tries', 0)
  redis.call('PERSIST', KEYS[1])
end
return 1
