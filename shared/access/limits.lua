#!lua flags=allow-oom
-- Takes from a key's quotas, from all of them or from none. Also where Redis is full: what is kept here is bounded, and
-- questions must not fail for it.
-- KEYS: the bucket of requests, the bucket of pixels, the set of jobs that wait, how many pixels are owed.
-- ARGV: for each bucket how much is wanted, how much it holds (0: no limit) and the seconds in which that flows in; then
--       how many jobs may wait (0: any number), the id of one more ('' to ask only whether it could), seconds for which
--       it counts without a record, what a job's key begins with.
-- Returns what has no room ('' where all was taken: `requests`, `pixels`, `queued`), and for each bucket how much is left
-- and the seconds until there is more, or enough; then how many more jobs may wait.
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local LOOKED_AT, LOOKED_AT_IF_FULL, WEEK = 4, 200, 604800

-- What is kept of a bucket is when it is full again.
local function keep(place, full)
  if full and full > now then
    redis.call('SET', KEYS[place], string.format('%.6f', full), 'PX', math.ceil(1000 * (full - now)))
  end
end

-- Pixels that are owed (see shared/jobs/followers.lua) are taken first, as far as there are some: whatever becomes of the
-- wish. Returns when the bucket is full with that, and how many are owed still.
local function paid(full, left, holds, window)
  local owed = tonumber(redis.pcall('GET', KEYS[4]) or nil) or 0
  local now_paid = math.min(owed, math.floor(left))
  if now_paid > 0 then
    full = full + now_paid * window / holds
    keep(2, full)
    if now_paid < owed then
      redis.call('SET', KEYS[4], string.format('%.0f', owed - now_paid), 'KEEPTTL')
    else
      redis.call('DEL', KEYS[4])
    end
  end
  return full, owed - math.max(0, now_paid)
end

-- Who only asks (0 is wanted) wants to know that there is something.
local function look(place)
  local wanted, holds, window = tonumber(ARGV[3 * place - 2]), tonumber(ARGV[3 * place - 1]), tonumber(ARGV[3 * place])
  if holds == 0 then
    return {room = true, left = 0, more = 0}
  end
  local full = math.max(now, tonumber(redis.call('GET', KEYS[place]) or 0))
  if full > now + window + 1 then  -- later than that of an empty one: the clock was set back, and it begins anew
    full = now
  end
  local rounded = 1e-6 * holds / window  -- times are kept in microseconds
  local function left_of()
    return math.min(holds, holds - (full - now) * holds / window + rounded)
  end
  local owed = 0
  if place == 2 then
    full, owed = paid(full, left_of(), holds, window)
  end
  local left = left_of()
  local needed = math.max(wanted, 1)
  if left < needed then
    return {room = false, left = math.floor(left), more = (needed + owed - left) * window / holds}
  end
  local rest = left - wanted
  local more = rest < holds and (math.floor(rest) + 1 - rest) * window / holds or 0
  return {room = true, left = math.floor(rest), more = more, full = full + wanted * window / holds}
end

-- Those that wait are known by their records, which other moves change. So the set forgets who waits no more when he is
-- looked at: in turns, some with each that comes, and many where it seems to be full.
local function forget(most)
  local looked_at = redis.call('ZRANGE', KEYS[3], 0, most - 1, 'WITHSCORES')
  for at = 1, #looked_at, 2 do
    local status = redis.pcall('HGET', ARGV[10] .. looked_at[at], 'status')
    if status == 'queued' then
      redis.call('ZADD', KEYS[3], now, looked_at[at])
    elseif status or tonumber(looked_at[at + 1]) < now then
      redis.call('ZREM', KEYS[3], looked_at[at])
    end
  end
  return redis.call('ZCARD', KEYS[3])
end
local most, places = tonumber(ARGV[7]), 0
if most > 0 then
  places = most - (ARGV[8] ~= '' and forget(LOOKED_AT) or redis.call('ZCARD', KEYS[3]))
  if places <= 0 then
    places = most - forget(LOOKED_AT_IF_FULL)
  end
end

local requests, pixels = look(1), look(2)
local violated = not requests.room and 'requests' or not pixels.room and 'pixels' or most > 0 and places <= 0 and 'queued'
  or ''
if violated == '' then
  keep(1, requests.full)
  keep(2, pixels.full)
  if most > 0 and ARGV[8] ~= '' then
    redis.call('ZADD', KEYS[3], now + tonumber(ARGV[9]), ARGV[8])
    redis.call('EXPIRE', KEYS[3], WEEK)  -- who posts no more leaves nothing
    places = places - 1
  end
end
return {violated, requests.left, tostring(requests.more), pixels.left, tostring(pixels.more), math.max(0, places)}
