#!lua flags=allow-oom
-- One move of a job, or nothing. Also where Redis is full: what was accepted must be able to end.
-- KEYS: the job's hash, its event stream, the sorted set of due times, the sorted set of its queue's jobs.
-- ARGV: statuses it may start from (comma-separated), claim that must hold, job id, by when it must be due ('now', a
--       time, '' for whenever), seconds until it is due again, events to keep, event name, event data ('' for no event),
--       then field, value, field, value ...; the first field is the status.
-- Returns 1 if it was done, 0 if it was refused. What could fail comes first: a move is made whole, or not at all.
local status = redis.pcall('HGET', KEYS[1], 'status')
if type(status) ~= 'string' or not string.find(',' .. ARGV[1] .. ',', ',' .. status .. ',', 1, true) then
  return 0
end
if redis.call('HGET', KEYS[1], 'claim') ~= ARGV[2] then
  return 0
end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
if ARGV[4] ~= '' then
  local due = redis.call('ZSCORE', KEYS[3], ARGV[3])
  if not due or tonumber(due) > (tonumber(ARGV[4]) or now) then
    return 0
  end
end
if ARGV[10] == 'queued' then
  redis.call('ZADD', KEYS[4], 'NX', now, ARGV[3])
elseif status == 'queued' then
  redis.call('ZREM', KEYS[4], ARGV[3])
end
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[5]), ARGV[3])
redis.call('HSET', KEYS[1], unpack(ARGV, 9))
if ARGV[8] ~= '' then
  local event = {'XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], '*', 'name', ARGV[7], 'data', ARGV[8]}
  if type(redis.pcall(unpack(event))) == 'table' then
    redis.call('DEL', KEYS[2])  -- no stream: whoever has put it there, the job goes on
    redis.call(unpack(event))
  end
  redis.pcall('PUBLISH', 'huemill:news', ARGV[3] .. ' ' .. ARGV[7])  -- a hint: who may not publish is read all the same, later
end
return 1
