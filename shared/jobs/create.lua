#!lua
-- A new job, all of it at once: the record, its first event, its due time, its place among the queued.
-- KEYS: as move.lua's. ARGV: job id, seconds until it is due, then field, value, field, value ...
-- Returns the first event's id.
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
local event = redis.call('XADD', KEYS[2], '*', 'name', 'queued', 'data', '{}')
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[2]), ARGV[1])
redis.call('ZADD', KEYS[4], now, ARGV[1])
return event
