#!lua flags=allow-oom
-- Several commands as one, as by MULTI; but where Redis is full, that refuses even what would free room.
-- ARGV: the commands, as one JSON array of arrays. Returns their answers, or the first error, as MULTI when all are done.
local answers, failed = {}, nil
for place, command in ipairs(cjson.decode(ARGV[1])) do
  local answer = redis.pcall(unpack(command))
  failed = failed or type(answer) == 'table' and answer.err and answer
  answers[place] = answer
end
return failed or answers
