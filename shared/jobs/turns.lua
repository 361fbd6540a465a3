-- Whose turn it is. Each owner who has jobs waiting in a queue has a line there, in which they stand by their places: by
-- when they came. Next is the first in the line of who has had the least of the workers' time lately, or, where that is
-- the same, of who came first. This is start-time fair queueing (Goyal, Vin and Cheng, 1996): an owner who had nothing
-- to do begins where the others are, so that nobody saves up. KEYS: as moves.lua's; those of other jobs are made from
-- the first: ids have 32 characters.
local QUEUE = string.sub(KEYS[4], 1, -7)  -- without `queued`
local TURNS, HAD, VIRTUAL_TIME = QUEUE .. 'turns', QUEUE .. 'had:', QUEUE .. 'virtual_time'
local LATELY = 60  -- seconds
-- How long a job of a queue in which none has ended yet is expected to run: in seconds, and too short, since whoever
-- comes while it runs would begin where its owner seems to be.
local UNKNOWN_RUN = 0.01

local function key_of(id)
  return string.sub(KEYS[1], 1, -33) .. id
end

-- Of each job that was asked about its owner, its place, and the line that it stands in while it waits for a worker.
local known = {}
local function about(id)
  if not known[id] then
    local found = redis.pcall('HMGET', key_of(id), 'owner', 'place')
    local owner = found[1] or ''
    known[id] = {owner = owner, line = KEYS[4] .. ':' .. owner, place = tonumber(found[2] or nil)}
  end
  return known[id]
end

local function exactly(seconds)
  return string.format('%.6f', seconds)
end

-- What who had the latest turn had had before it, in seconds of workers; or, where his jobs took less than they were
-- charged, and all others are behind that too, what who is next has had.
local function virtual_time()
  local reached = tonumber(redis.call('GET', VIRTUAL_TIME) or 0)
  local least = tonumber(redis.call('ZRANGE', TURNS, 0, 0, 'WITHSCORES')[2])
  return least and math.min(reached, least) or reached
end

-- What the owner has had, or what others have had meanwhile, if he wanted nothing; and whether he has jobs in line.
local function had(owner)
  local waiting = tonumber(redis.call('ZSCORE', TURNS, owner) or nil)
  if waiting then
    return waiting, true
  end
  return math.max(virtual_time(), tonumber(redis.call('GET', HAD .. owner) or 0)), false
end

local function note(owner, seconds, waits)
  redis.call('SET', HAD .. owner, exactly(seconds), 'EX', LATELY)
  if waits then
    redis.call('ZADD', TURNS, exactly(seconds), owner)
  end
end

-- A job has begun, and its owner has had so many seconds more; returns what he has had with them.
local function charge(id, seconds)
  local owner = about(id).owner
  local before, waits = had(owner)
  note(owner, before + seconds, waits)
  return before + seconds
end

-- A job has ended, and took so many seconds more than were charged. `charged_to`: what its owner had had with the charge,
-- which counts where nothing is known of him any more; not what others have had since then: it is that time that he had.
local function settle(id, seconds, charged_to)
  local owner = about(id).owner
  local waiting = tonumber(redis.call('ZSCORE', TURNS, owner) or nil)
  local before = waiting or tonumber(redis.call('GET', HAD .. owner) or charged_to)
  note(owner, before + seconds, waiting)
end

-- A job waits for its turn from now on, at its place. `since`: where it has none, by a version before this one.
local function line_up(id, since)
  local job = about(id)
  if not job.place then
    job.place = tonumber(since)
    if redis.call('TYPE', key_of(id)).ok == 'hash' then
      redis.call('HSET', key_of(id), 'place', exactly(since))
    end
  end
  redis.call('ZADD', job.line, exactly(job.place), id)
  local begin, waits = had(job.owner)
  if not waits then
    local behind = virtual_time() + 0.000001 * redis.call('ZCARD', TURNS)  -- those who came before and begin there too
    redis.call('ZADD', TURNS, exactly(math.max(begin, behind)), job.owner)
  end
end

local function step_out(id)
  local job = about(id)
  if redis.call('ZREM', job.line, id) == 1 and redis.call('EXISTS', job.line) == 0 then
    redis.call('ZREM', TURNS, job.owner)
  end
end

-- Who is waited for is as urgent as whoever waits for it: its place becomes this one, if it was behind that.
local function lift(id, place)
  local job = about(id)
  if job.place and place and place < job.place then
    job.place = place
    redis.call('HSET', key_of(id), 'place', exactly(place))
    redis.call('ZADD', job.line, 'XX', exactly(place), id)
  end
end

-- How many jobs of the queue have their turn before this one, at most: where nobody comes any more, and each runs as
-- long as others lately. In its own line those that stand before it; of each owner who is not after that turn as many as
-- fit in between.
local function position_of(id)
  local job = about(id)
  local before, all = redis.call('ZRANK', job.line, id), redis.call('ZCARD', KEYS[4])
  local own = before and all > before + 1 and redis.call('ZSCORE', TURNS, job.owner)
  if not own then  -- there is nobody else, or it stands in no line: it runs, or is about to
    return before or 0
  end
  local run = math.max(tonumber(redis.pcall('HGET', KEYS[5], 'run') or nil) or UNKNOWN_RUN, 0.000001)
  local turn = own + before * run
  local first = redis.call('ZRANGE', TURNS, 0, 0, 'WITHSCORES')
  local others = redis.call('ZCOUNT', TURNS, '-inf', exactly(turn)) - 1
  local each = math.floor((turn - first[2]) / run + 0.000001) + 1
  return before + math.min(others * each, math.max(0, all - redis.call('ZCARD', job.line)))
end

-- The time, since when the first of the queue waits, and the queue's pace.
local function outlook(now)
  local first = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
  local pace = redis.pcall('HMGET', KEYS[5], 'claimed', 'gap', 'run')
  return exactly(now), first[2] or exactly(now), pace[1] or false, pace[2] or false, pace[3] or false
end
