#!lua flags=allow-oom
-- A job waits for the end of another one, and its time has come: it waits on where that one is still to end. Where that
-- is gone, or has ended and told nobody (by a version that knows of no followers), somebody takes its place.
-- KEYS: as moves.lua's. ARGV: job id, the other one's, seconds until it is due again.
-- Returns 1 where it was due, and still waiting for that one.
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local due = redis.call('ZSCORE', KEYS[3], ARGV[1])
if not waits_for(ARGV[1], ARGV[2]) or not due or tonumber(due) > now then
  return 0
end
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[3]), ARGV[1])
local status = redis.pcall('HGET', key_of(ARGV[2]), 'status')
if status == 'queued' or status == 'running' then
  return 1
end
succeed_to(ARGV[2], now, now)
if waits_for(ARGV[1], ARGV[2]) then  -- it was not on the list
  stand_alone(ARGV[1], ARGV[2], now, now)
end
return 1
