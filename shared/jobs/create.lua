#!lua
-- A new job, all of it at once: its place among the queued, its due time, its first event, the record. Or the job that
-- the same request has become before.
-- KEYS: as moves.lua's, then the note that it was withdrawn, then what is known of its request's key, if that has one.
-- ARGV: job id, seconds until it is due, fingerprint of the request, seconds for which the key is kept, then field,
--       value, field, value ...
-- Returns a word and what goes with it: `created`, its first event's id, its place in the queue, the time, since when the
-- first of the queue waits, and the queue's pace; `replayed`, the other job's id; or `withdrawn` (before this came),
-- `reused` (the key, by another request), `conflict` (another request under way has it).
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local function created(event)
  local first = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
  local pace = redis.pcall('HMGET', KEYS[5], 'claimed', 'gap', 'run')
  return {'created', event, redis.call('ZRANK', KEYS[4], ARGV[1]) or 0, string.format('%.6f', now),
    first[2] or string.format('%.6f', now), pace[1] or false, pace[2] or false, pace[3] or false}
end
if redis.call('EXISTS', KEYS[6]) == 1 then
  return {'withdrawn', ''}
end
if redis.call('EXISTS', KEYS[1]) == 1 then  -- this comes again: the first answer was lost
  local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  return created(first and first[1] or '0-0')
end
if KEYS[7] then
  local job, fingerprint, holder = unpack(redis.call('HMGET', KEYS[7], 'job', 'fingerprint', 'holder'))
  if job and fingerprint ~= ARGV[3] then
    return {'reused', ''}
  elseif job then
    redis.call('HSET', KEYS[7], 'told', '1')  -- from now on it cannot be withdrawn
    return {'replayed', job}
  elseif holder and holder ~= ARGV[1] then
    return {'conflict', ''}
  end
  redis.call('DEL', KEYS[7])
  redis.call('HSET', KEYS[7], 'job', ARGV[1], 'fingerprint', ARGV[3])
  redis.call('EXPIRE', KEYS[7], ARGV[4])
end
redis.call('ZADD', KEYS[4], now, ARGV[1])
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[2]), ARGV[1])
local event = redis.call('XADD', KEYS[2], '*', 'name', 'queued', 'data', '{}')
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
return created(event)
