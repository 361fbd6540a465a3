#!lua flags=allow-oom
-- The end of an attempt, or nothing where another claim holds.
-- KEYS: the delivery, the outbox, the outbox of its host, those that were given up.
-- ARGV: the delivery's id, its host, the claim, the attempt as it was, the state that follows, seconds until the next
--       attempt where it waits, seconds for which it is kept where it does not.
-- Returns 1 if it was done, 0 if it was refused.
if redis.call('HGET', KEYS[1], 'claim') ~= ARGV[3] or redis.call('HGET', KEYS[1], 'state') ~= 'sending' then
  return 0
end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
if ARGV[5] == 'waiting' then
  redis.call('ZADD', KEYS[3], now + tonumber(ARGV[6]), ARGV[1])
else
  redis.call('ZREM', KEYS[3], ARGV[1])
  redis.call('EXPIRE', KEYS[1], ARGV[7])
end
local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
if first[1] then
  redis.call('ZADD', KEYS[2], first[2], ARGV[2])
else
  redis.call('ZREM', KEYS[2], ARGV[2])
end
if ARGV[5] == 'given_up' then
  redis.call('ZADD', KEYS[4], now, ARGV[1])
end
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - tonumber(ARGV[7]))
redis.call('HSET', KEYS[1], 'state', ARGV[5], 'attempt:' .. ARGV[3], ARGV[4])
return 1
