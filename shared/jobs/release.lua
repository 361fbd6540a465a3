#!lua flags=allow-oom
-- A job needs the files of its result no more: from now on no new job is given them by it.
-- KEYS: the job's hash, the jobs whose result the files are. ARGV: job id.
-- Returns 1 where nobody else needs them.
if redis.call('TYPE', KEYS[1]).ok == 'hash' then
  redis.call('HSET', KEYS[1], 'released', '1')
end
redis.call('SREM', KEYS[2], ARGV[1])
return redis.call('EXISTS', KEYS[2]) == 0 and 1 or 0
