#!lua flags=no-writes
-- What some jobs of a queue have before them.
-- KEYS: as moves.lua's. ARGV: the jobs' ids.
-- Returns the time, since when the first of the queue waits, the queue's pace (three values), then each job's position.
local time = redis.call('TIME')
local answer = {outlook(tonumber(time[1]) + tonumber(time[2]) / 1000000)}
for place, id in ipairs(ARGV) do
  answer[5 + place] = position_of(id)
end
return answer
