#!lua flags=allow-oom
-- One move of a job, or nothing. Also where Redis is full: what was accepted must be able to end.
-- KEYS: the job's hash, its event stream, the sorted set of due times, the sorted set of its queue's jobs, the queue's
--       pace, the set of jobs that wait for another one's end.
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

-- The queue's pace is only for forecasts: where it is none, whoever has put that there, it begins anew.
local function pace(field)
  local found = redis.pcall('HGET', KEYS[5], field)
  if type(found) == 'table' then
    redis.call('DEL', KEYS[5])
  end
  return type(found) == 'string' and tonumber(found)
end
local function smooth(field, seconds)  -- a third of what is new; clocks may be set back
  local before = pace(field) or math.max(0, seconds)
  redis.call('HSET', KEYS[5], field, exactly(before + (math.max(0, seconds) - before) / 3))
end
local function tell(id)
  local stream = key_of(id) .. ':events'
  local event = {'XADD', stream, 'MAXLEN', '~', ARGV[6], '*', 'name', ARGV[7], 'data', ARGV[8]}
  if type(redis.pcall(unpack(event))) == 'table' then
    redis.call('DEL', stream)  -- no stream: whoever has put it there, the job goes on
    redis.call(unpack(event))
  end
  redis.pcall('PUBLISH', 'huemill:news', id .. ' ' .. ARGV[7])  -- a hint: who may not publish is read all the same, later
end
-- Who waits for the end of this job has it too, at the same moment; the attempts were this one's.
local function end_followers(followers, succeeded)
  local shared = {'follows', '', 'cached', succeeded and '1' or ''}
  for place = 9, #ARGV, 2 do
    if ARGV[place] ~= 'attempts' then
      shared[#shared + 1], shared[#shared + 2] = ARGV[place], ARGV[place + 1]
    end
  end
  for _, id in ipairs(followers) do
    if waits_for(id, ARGV[3]) then
      redis.call('HSET', key_of(id), unpack(shared))
      redis.call('SREM', KEYS[6], id)
      redis.call('ZADD', KEYS[3], now + tonumber(ARGV[5]), id)
      if succeeded then
        redis.call('SADD', KEYS[1] .. ':users', ARGV[3], id)
      end
      call_back(id, ARGV[10], now)
      tell(id)
    end
  end
  redis.call('DEL', KEYS[1] .. ':followers')
end

local to, since, waited, leader = ARGV[10], now, now, ''
if status == 'queued' then
  waited = tonumber(redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')[2] or now)  -- the queue, not this job alone
  since = tonumber(redis.call('ZSCORE', KEYS[4], ARGV[3]) or now)
  leader = redis.call('HGET', KEYS[1], 'follows') or ''
end
-- Who settles enters no state; but whoever ended it may have been of a version that knew of no callbacks.
if to ~= status or status ~= 'queued' and status ~= 'running' then
  call_back(ARGV[3], to, now)
end
if status == 'queued' and to ~= status then
  redis.call('ZREM', KEYS[4], ARGV[3])
  step_out(ARGV[3])
  if leader ~= '' then
    leave(ARGV[3], leader)  -- it is cancelled, or a worker was sent it all the same
  end
elseif to == 'queued' and leader == '' then
  redis.call('ZADD', KEYS[4], 'NX', now, ARGV[3])
  if ARGV[4] ~= '' then  -- a worker that refuses it leaves it to the sweep when it is next in line
    line_up(ARGV[3], since)
  end
end
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[5]), ARGV[3])
redis.call('HSET', KEYS[1], unpack(ARGV, 9))
if ARGV[8] ~= '' then
  tell(ARGV[3])
end
if to == status then
  return 1
end
if to == 'running' then
  smooth('gap', now - math.max(pace('claimed') or 0, waited))
  redis.call('HSET', KEYS[5], 'claimed', exactly(now))
  -- How long it will run is not known: it is charged as long as others lately, and set right at its end.
  local charged = pace('run') or UNKNOWN_RUN
  local charged_to = charge(ARGV[3], charged)
  redis.call('HSET', KEYS[1], 'began', exactly(now), 'charged', exactly(charged), 'charged_to', exactly(charged_to))
end
local began
if status == 'running' and to ~= 'queued' then
  local run = redis.call('HMGET', KEYS[1], 'began', 'charged', 'charged_to')
  began = tonumber(run[1] or nil)
  if began then
    settle(ARGV[3], math.max(0, now - began) - (run[2] or 0), tonumber(run[3] or 0))
  end
end
if to == 'cancelled' then
  succeed_to(ARGV[3], since, now)
elseif to == 'succeeded' or to == 'failed' then
  if began then
    smooth('run', now - began)
  end
  local followers = redis.call('LRANGE', KEYS[1] .. ':followers', 0, -1)
  if #followers > 0 then
    end_followers(followers, to == 'succeeded')
  end
end
return 1
