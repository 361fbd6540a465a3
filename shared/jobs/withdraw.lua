#!lua flags=allow-oom
-- A job of which nobody knows whether it was created is not there afterwards, and will not be: a creation that is still
-- on its way finds the note.
-- KEYS: as create.lua's. ARGV: job id, seconds for which the note is kept.
redis.call('SET', KEYS[5], '', 'EX', ARGV[2])
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[6], ARGV[1])
return 1
