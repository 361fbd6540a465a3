#!lua flags=allow-oom
-- Takes the record of a stored image away and gives it back, or does nothing.
-- KEYS: the record, the sorted set of images. ARGV: its name, 'due' if only when its time has come ('' for whenever), the
--       record that it must be ('' for any).
-- Returns the record; '' for something else under its key; nothing where nothing was taken.
if ARGV[2] == 'due' then
  local time = redis.call('TIME')
  local due = redis.call('ZSCORE', KEYS[2], ARGV[1])
  if not due or tonumber(due) > tonumber(time[1]) + tonumber(time[2]) / 1000000 then
    return false
  end
end
local record = redis.pcall('GET', KEYS[1])
if ARGV[3] ~= '' and record ~= ARGV[3] then
  return false
end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[1])
if type(record) == 'table' then
  return ''
end
return record
