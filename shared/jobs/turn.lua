#!lua flags=allow-oom
-- The job of a queue whose turn it is. It leaves its line, so that nobody else is given it; who takes it has so many
-- seconds to claim it, until the sweep looks at it. A job of the version before this one stands in no line, but in the
-- message: it lines up. What is in a line and does not wait any more, by that version, leaves it.
-- KEYS: as moves.lua's. ARGV: the job that the message names ('' for none), the seconds.
-- Returns its id, and its fields and values (false where they cannot be read); nothing where nobody waits.
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
if ARGV[1] ~= '' then
  local since = not redis.call('ZSCORE', about(ARGV[1]).line, ARGV[1]) and redis.call('ZSCORE', KEYS[4], ARGV[1])
  if since then
    line_up(ARGV[1], since)
  end
end
local function waits(fields)
  for at = 1, #fields, 2 do
    if fields[at] == 'status' then
      return fields[at + 1] == 'queued'
    end
  end
end
while true do
  local owner, before = unpack(redis.call('ZRANGE', TURNS, 0, 0, 'WITHSCORES'))
  if not owner then
    return false
  end
  local line = KEYS[4] .. ':' .. owner
  local id, another = unpack(redis.call('ZRANGE', line, 0, 1))
  if id then
    redis.call('ZREM', line, id)
  end
  if not another then
    redis.call('ZREM', TURNS, owner)
  end
  local found = id and redis.pcall('HGETALL', key_of(id))
  if found and (found.err or waits(found)) then
    redis.call('SET', VIRTUAL_TIME, before)
    redis.call('ZADD', KEYS[3], 'XX', now + tonumber(ARGV[2]), id)
    return {id, not found.err and found}
  elseif found and #found == 0 then
    redis.call('ZREM', KEYS[4], id)  -- its record is gone
  end
end
