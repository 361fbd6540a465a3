-- Calling back. This stands before each script that brings a job into another state. The keys are made from the first of
-- KEYS, which is a job's hash: ids have 32 characters.

-- Writes what is to be told of a job that enters a state, if somebody wants to be told: of each state once.
local function call_back(id, state, now)
  local wanted = redis.pcall('HGET', string.sub(KEYS[1], 1, -33) .. id, 'calls_back')
  local host, states = string.match(type(wanted) == 'string' and wanted or '', '^(%S+) (%S+)$')
  if not host or not string.find(',' .. states .. ',', ',' .. state .. ',', 1, true) then
    return
  end
  local ours = string.sub(KEYS[1], 1, -37)
  local told = 'msg_' .. id .. '_' .. state
  if redis.call('EXISTS', ours .. 'delivery:' .. told) == 0 then
    redis.call('ZADD', ours .. 'outbox:' .. host, now, told)
    redis.call('ZADD', ours .. 'outbox', 'LT', now, host)
    redis.call('HSET', ours .. 'delivery:' .. told, 'job_id', id, 'event', state, 'host', host, 'created_at', now,
      'state', 'waiting', 'claim', 0, 'tries', 0)
  end
end
