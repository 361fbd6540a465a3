#!lua flags=no-writes
-- How many jobs wait in some lines, with those that wait for the end of one that stands there.
-- KEYS: the lines. ARGV: what the keys of jobs begin with.
local waiting = 0
for _, line in ipairs(KEYS) do
  for _, id in ipairs(redis.call('ZRANGE', line, 0, -1)) do
    waiting = waiting + 1 + redis.call('LLEN', ARGV[1] .. id .. ':followers')
  end
end
return waiting
