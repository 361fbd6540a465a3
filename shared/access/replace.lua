#!lua flags=allow-oom
-- A key's record takes the place of the one that it was made from, or nothing is done. Also where Redis is full: a key
-- must be able to be revoked.
-- KEYS: the record, the sorted set of keys. ARGV: the record as it was ('' where there was none), as it is to be, seconds
--       until it goes ('' for never), the key's id, when it was made.
-- Returns 1 if it was done.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
if ARGV[3] ~= '' then
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
return 1
