#!lua
-- A stored image is kept for so long from now on: the one that there is, or else this one.
-- KEYS: the record, the sorted set of images. ARGV: its name, seconds, the record of this one ('' for none).
-- Returns the record that counts and when it expires; nothing where there is none.
local record = redis.pcall('GET', KEYS[1])
if type(record) ~= 'string' then
  if ARGV[3] == '' then
    return false
  end
  record = ARGV[3]
  redis.call('SET', KEYS[1], record)
end
local time = redis.call('TIME')
local expiry = string.format('%.6f', tonumber(time[1]) + tonumber(time[2]) / 1000000 + tonumber(ARGV[2]))
redis.call('ZADD', KEYS[2], expiry, ARGV[1])
return {record, expiry}
