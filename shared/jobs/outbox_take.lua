#!lua flags=allow-oom
-- Takes the first delivery to a host that is due, for one attempt. Also where Redis is full: what was promised must end.
-- KEYS: the outbox, the outbox of the host. ARGV: the host, seconds of the lease, the attempt's first note, how many
--       attempts are kept, the prefix of deliveries' keys.
-- Returns the delivery's fields and values, its id the first; nothing where none is due.
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
for _ = 1, 100 do
  local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  if not first[1] then
    redis.call('ZREM', KEYS[1], ARGV[1])
    return false
  end
  redis.call('ZADD', KEYS[1], first[2], ARGV[1])
  if tonumber(first[2]) > now then
    return false
  end
  local key = ARGV[5] .. first[1]
  if type(redis.pcall('HGET', key, 'claim')) == 'string' then
    local claim = redis.call('HINCRBY', key, 'claim', 1)
    redis.call('HINCRBY', key, 'tries', 1)
    redis.call('HSET', key, 'state', 'sending', 'attempt:' .. claim, ARGV[3])
    redis.call('HDEL', key, 'attempt:' .. claim - tonumber(ARGV[4]))
    redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), first[1])
    local next = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
    redis.call('ZADD', KEYS[1], next[2], ARGV[1])
    local fields = redis.call('HGETALL', key)
    table.insert(fields, 1, first[1])
    return fields
  end
  redis.call('ZREM', KEYS[2], first[1])  -- its job was deleted
end
return false
