#!lua
-- A new job, all of it at once: its place among the queued, its due time, its first event, the record.
-- KEYS: as moves.lua's, then the note that it was withdrawn, the owner's list. ARGV: job id, seconds until it is due, its
--       place in the list, then field, value, field, value ...
-- Returns the first event's id; nothing where the job was withdrawn before this came.
if redis.call('EXISTS', KEYS[5]) == 1 then
  return false
end
if redis.call('EXISTS', KEYS[1]) == 1 then  -- this comes again: the first answer was lost
  local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  return first and first[1] or '0-0'
end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
redis.call('ZADD', KEYS[4], now, ARGV[1])
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[2]), ARGV[1])
redis.call('ZADD', KEYS[6], ARGV[3], ARGV[1])
local event = redis.call('XADD', KEYS[2], '*', 'name', 'queued', 'data', '{}')
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
return event
