#!lua flags=allow-oom
-- What was taken for a job is given back: it was not made, or nothing is computed for it.
-- KEYS: the bucket of pixels, the set of jobs that wait. ARGV: how many pixels, how many the bucket holds (0: no limit),
--       the seconds in which they flow in, the id of the job that does not wait ('' where it does).
if ARGV[4] ~= '' then
  redis.call('ZREM', KEYS[2], ARGV[4])
end
local full = redis.call('GET', KEYS[1])
if full and tonumber(ARGV[2]) > 0 then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
  local sooner = tonumber(full) - tonumber(ARGV[1]) * tonumber(ARGV[3]) / tonumber(ARGV[2])
  if sooner > now then
    redis.call('SET', KEYS[1], string.format('%.6f', sooner), 'PX', math.ceil(1000 * (sooner - now)))
  else
    redis.call('DEL', KEYS[1])
  end
end
