-- Whose turn it is. Each owner who has jobs waiting in a queue has a line there, in which they stand by their places: by
-- when they came. Next is the first in the line of who has had the least of the workers' time lately, or, where that is
-- the same, of who came first. This is start-time fair queueing (Goyal, Vin and Cheng, 1996): an owner who had nothing
-- to do begins where the others are, so that nobody saves up. KEYS: as moves.lua's; those of other jobs are made from
-- the first: ids have 32 characters.
local QUEUE = string.sub(KEYS[4], 1, -7)  -- without `queued`
local TURNS, HAD, VIRTUAL_TIME = QUEUE .. 'turns', QUEUE .. 'had:', QUEUE .. 'virtual_time'
local LATELY = 60  -- seconds

local function key_of(id)
  return string.sub(KEYS[1], 1, -33) .. id
end

local function text_of(id, field)
  local found = redis.pcall('HGET', key_of(id), field)
  return type(found) == 'string' and found ~= '' and found or nil
end

-- The job's owner, and the line that it stands in while it waits for a worker.
local function line_of(id)
  local owner = text_of(id, 'owner') or ''
  return owner, KEYS[4] .. ':' .. owner
end

local function exactly(seconds)
  return string.format('%.6f', seconds)
end

-- What those who had a turn had had before it, at the latest turn: in seconds of workers.
local function virtual_time()
  return tonumber(redis.call('GET', VIRTUAL_TIME) or 0)
end

-- What the owner has had, or what others have had meanwhile, if he wanted nothing.
local function had(owner)
  local waiting = redis.call('ZSCORE', TURNS, owner)
  return tonumber(waiting) or math.max(virtual_time(), tonumber(redis.call('GET', HAD .. owner) or 0))
end

-- It is the turn of somebody who has had so much.
local function reach(seconds)
  if seconds > virtual_time() then
    redis.call('SET', VIRTUAL_TIME, exactly(seconds))
  end
end

local function have(owner, seconds)
  redis.call('SET', HAD .. owner, exactly(seconds), 'EX', LATELY)
  redis.call('ZADD', TURNS, 'XX', exactly(seconds), owner)
end

-- A job waits for its turn from now on, at its place. `since`: where it has none, by a version before this one.
local function line_up(id, since)
  local owner, line = line_of(id)
  local place = text_of(id, 'place')
  if not place then
    place = since
    if redis.call('TYPE', key_of(id)).ok == 'hash' then
      redis.call('HSET', key_of(id), 'place', place)
    end
  end
  redis.call('ZADD', line, place, id)
  if not redis.call('ZSCORE', TURNS, owner) then
    local begin = virtual_time() + 0.000001  -- behind those who came before and begin there too
    redis.call('SET', VIRTUAL_TIME, exactly(begin))
    redis.call('ZADD', TURNS, exactly(math.max(begin, had(owner))), owner)
  end
end

local function step_out(id)
  local owner, line = line_of(id)
  if redis.call('ZREM', line, id) == 1 and redis.call('EXISTS', line) == 0 then
    redis.call('ZREM', TURNS, owner)
  end
end

-- It has its turn. How long it will run is not known: as long as others lately, until it has ended.
local function begin_turn(id, seconds)
  local owner = line_of(id)
  local before = had(owner)
  reach(before)
  have(owner, before + seconds)
  redis.call('HSET', key_of(id), 'charged', exactly(seconds))
end

local function end_turn(id, seconds)
  local owner = line_of(id)
  have(owner, had(owner) + math.max(0, seconds) - (tonumber(text_of(id, 'charged')) or 0))
end

-- Who is waited for is as urgent as whoever waits for it: its place becomes this one, if it was behind that.
local function lift(id, place)
  local own = tonumber(text_of(id, 'place'))
  if own and place and place < own then
    redis.call('HSET', key_of(id), 'place', exactly(place))
    local _, line = line_of(id)
    redis.call('ZADD', line, 'XX', exactly(place), id)
  end
end

-- How many jobs of the queue have their turn before this one, at most: where nobody comes any more, and each runs as
-- long as others lately. In its own line those that stand before it; of each owner who is not after that turn as many as
-- fit in between.
local function position_of(id)
  local owner, line = line_of(id)
  local before, first = redis.call('ZRANK', line, id), redis.call('ZRANGE', TURNS, 0, 0, 'WITHSCORES')
  local own = redis.call('ZSCORE', TURNS, owner)
  if not before or not own then
    return 0
  end
  local run = math.max(tonumber(redis.pcall('HGET', KEYS[5], 'run') or 1) or 1, 0.000001)
  local turn = own + before * run
  local others = redis.call('ZCOUNT', TURNS, '-inf', exactly(turn)) - 1
  local each = math.floor((turn - first[2]) / run + 0.000001) + 1
  local theirs = math.max(0, redis.call('ZCARD', KEYS[4]) - redis.call('ZCARD', line))
  return before + math.min(others * each, theirs)
end

-- The time, since when the first of the queue waits, and the queue's pace.
local function outlook(now)
  local first = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
  local pace = redis.pcall('HMGET', KEYS[5], 'claimed', 'gap', 'run')
  return exactly(now), first[2] or exactly(now), pace[1] or false, pace[2] or false, pace[3] or false
end
