#!lua
-- A new job, all of it at once: its place among the queued, its due time, its first event, the record. Or the job that
-- the same request has become before. Or a new job that has nothing to do, because another one has done the same work
-- (then it has succeeded) or is about to (then it waits for that one's end).
-- KEYS: as moves.lua's, then the note that it was withdrawn, the job that does its work, the owner's list, what is known
--       of its request's key, if that has one.
-- ARGV: job id, seconds until it is due, fingerprint of the request, seconds for which the key is kept, most jobs that may
--       wait for one ('' to do the work anew), seconds for which it is known whose the work is, seconds until it is due
--       where it has ended, its place in the list, seconds by which jobs that come later go before it, the message for
--       its queue where it waits for a worker ('' for none), number of parts of the fields that it has where it has
--       ended, these, then the fields that it has anyway: field, value, field, value ...
-- Returns a word and what goes with it: `created`, `joined` or `done`, its position, the time, since when the first of
-- the queue waits, and the queue's pace; `replayed`, the other job's id; or `withdrawn` (before this came), `reused` (the
-- key, by another request), `conflict` (another request under way has it).
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local function answer(word, ahead)
  return {word, position_of(ahead), outlook(now)}
end
if redis.call('EXISTS', KEYS[7]) == 1 then
  return {'withdrawn'}
end
if redis.call('EXISTS', KEYS[1]) == 1 then  -- this comes again: the first answer was lost
  local status, follows = unpack(redis.call('HMGET', KEYS[1], 'status', 'follows'))
  local word = status == 'succeeded' and 'done' or follows and follows ~= '' and 'joined' or 'created'
  return answer(word, ARGV[1])
end
if KEYS[10] then
  local job, fingerprint, holder = unpack(redis.call('HMGET', KEYS[10], 'job', 'fingerprint', 'holder'))
  if job and fingerprint ~= ARGV[3] then
    return {'reused'}
  elseif job then
    redis.call('HSET', KEYS[10], 'told', '1')  -- from now on it cannot be withdrawn
    return {'replayed', job}
  elseif holder and holder ~= ARGV[1] then
    return {'conflict'}
  end
  redis.call('DEL', KEYS[10])
  redis.call('HSET', KEYS[10], 'job', ARGV[1], 'fingerprint', ARGV[3])
  redis.call('EXPIRE', KEYS[10], ARGV[4])
end
local other, status, result, follows, released
if ARGV[5] ~= '' then
  other = redis.call('GET', KEYS[8])
  local found = other and redis.pcall('HMGET', key_of(other), 'status', 'result_key', 'follows', 'released') or {}
  status, result, follows, released = found[1], found[2], found[3], found[4]
end
local begin, place = 12 + tonumber(ARGV[11]), now + tonumber(ARGV[9])
redis.call('ZADD', KEYS[9], ARGV[8], ARGV[1])
redis.call('XADD', KEYS[2], '*', 'name', 'queued', 'data', '{}')
redis.call('HSET', KEYS[1], 'work', KEYS[8], 'place', exactly(place), unpack(ARGV, begin))
local owner = result and string.match(result, '^results/(%w+)/')
-- One that has expired is due no more, and its files are gone.
if status == 'succeeded' and owner and not released and redis.call('ZSCORE', KEYS[3], other) then
  redis.call('HSET', KEYS[1], 'result_key', result, 'cached', '1', unpack(ARGV, 12, begin - 1))
  redis.call('SADD', key_of(owner) .. ':users', other, ARGV[1])
  redis.call('ZADD', KEYS[3], now + tonumber(ARGV[7]), ARGV[1])
  call_back(ARGV[1], 'succeeded', now)
  redis.call('XADD', KEYS[2], '*', 'name', 'succeeded', 'data', '{}')
  return answer('done', ARGV[1])
end
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[2]), ARGV[1])
if (status == 'queued' or status == 'running') and (not follows or follows == '')
  and redis.call('LLEN', key_of(other) .. ':followers') < tonumber(ARGV[5]) then
  redis.call('HSET', KEYS[1], 'follows', other)
  redis.call('RPUSH', key_of(other) .. ':followers', ARGV[1])
  redis.call('SADD', KEYS[6], ARGV[1])
  lift(other, place)
  return answer('joined', other)
end
redis.call('ZADD', KEYS[4], now, ARGV[1])
line_up(ARGV[1], now)
redis.call('SET', KEYS[8], ARGV[1], 'EX', ARGV[6])
if ARGV[10] ~= '' then
  redis.pcall('LPUSH', string.sub(QUEUE, 1, -2), ARGV[10])  -- a hint: whatever stands there, the job is made whole
end
return answer('created', ARGV[1])
