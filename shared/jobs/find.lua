#!lua flags=no-writes
-- A job's fields, if it is this owner's. One that there is not and one that is somebody else's are the same: each takes
-- one look, and gives nothing.
-- KEYS: the job's hash. ARGV: the owner.
if redis.pcall('HGET', KEYS[1], 'owner') ~= ARGV[1] then
  return {}
end
return redis.call('HGETALL', KEYS[1])
