-- Jobs that wait for the end of another one, their leader, because it does the same work. This stands before each script
-- that could end or remove either, behind turns.lua. KEYS: as moves.lua's.
local function waits_for(id, leader)
  local found = redis.pcall('HMGET', key_of(id), 'status', 'follows')
  return found[1] == 'queued' and found[2] == leader
end

-- A job waits for no other any more, whatever becomes of it.
local function leave(id, leader)
  redis.call('LREM', key_of(leader) .. ':followers', 1, id)
  redis.call('SREM', KEYS[6], id)
  redis.call('HSET', key_of(id), 'follows', '')
end

-- Something is to be computed for a job all the same, whose pixels were given back when it came to wait for another one.
-- Its owner owes them: they are taken from what flows in when he is next asked about (see shared/access/limits.lua).
local function owe(id)
  local pixels = tonumber(redis.call('HGET', key_of(id), 'pixels') or nil)
  if pixels then
    local owed = string.sub(KEYS[1], 1, -37) .. 'used:' .. about(id).owner .. ':owed'
    local before = tonumber(redis.pcall('GET', owed) or nil) or 0
    redis.call('SET', owed, string.format('%.0f', before + pixels), 'EX', 604800)
  end
end

-- A job that waited for another one stands in the queue by itself, as if it had done so since then, at the other one's
-- place. It is due: the sweep sends it.
local function stand_alone(id, leader, since, now)
  leave(id, leader)
  owe(id)
  redis.call('ZADD', KEYS[4], since, id)
  lift(id, about(leader).place)
  line_up(id, since)
  redis.call('ZADD', KEYS[3], now, id)
end

-- A leader comes to no end that others could have: who has waited longest takes its place, and the others wait for that.
local function succeed_to(leader, since, now)
  local waiting = key_of(leader) .. ':followers'
  local heir
  for _, id in ipairs(redis.call('LRANGE', waiting, 0, -1)) do
    if not waits_for(id, leader) then
      redis.call('LREM', waiting, 1, id)
    elseif not heir then
      heir = id
      stand_alone(id, leader, since, now)
      local work = redis.call('HGET', key_of(id), 'work')
      if work and redis.call('GET', work) == leader then
        redis.call('SET', work, id, 'KEEPTTL')
      end
    else
      redis.call('HSET', key_of(id), 'follows', heir)
    end
  end
  if redis.call('EXISTS', waiting) == 1 then
    redis.call('RENAME', waiting, key_of(heir) .. ':followers')
  end
end
