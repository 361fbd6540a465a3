#!lua flags=no-writes
-- Jobs of a list, the newest first, that have a status and words. Looks at no more than so many of them.
-- KEYS: the list. ARGV: what a job's key begins with; where to begin: the highest place, the id of the job that was the
--       last with it ('' for none); the lowest place; a status ('' for any); words (a line each, '' for none); how many
--       are wanted; how many are looked at.
-- Returns the ids that were found, those of the list that are no jobs, and the place and id that were looked at last,
-- which are empty where nothing is left.
local words = {}
for word in string.gmatch(ARGV[6], '[^\n]+') do
  words[#words + 1] = '\n' .. word .. '\n'
end
local function wanted(status, listed)
  if ARGV[5] ~= '' and status ~= ARGV[5] then
    return false
  end
  for _, word in ipairs(words) do
    if not string.find('\n' .. (listed or '') .. '\n', word, 1, true) then
      return false
    end
  end
  return true
end
local found, gone, offset, most = {}, {}, 0, tonumber(ARGV[8])
while offset < most do
  local page = redis.call('ZRANGE', KEYS[1], ARGV[2], ARGV[4], 'BYSCORE', 'REV', 'LIMIT', offset, 100, 'WITHSCORES')
  for at = 1, #page, 2 do
    local id, place = page[at], page[at + 1]
    if ARGV[3] == '' or place ~= ARGV[2] or id < ARGV[3] then
      local state = redis.pcall('HMGET', ARGV[1] .. id, 'status', 'listed')
      if state.err or not state[1] then
        gone[#gone + 1] = id
      elseif wanted(state[1], state[2]) then
        found[#found + 1] = id
        if #found == tonumber(ARGV[7]) then
          return {found, gone, place, id}
        end
      end
      if offset + (at + 1) / 2 >= most then
        return {found, gone, place, id}
      end
    end
  end
  if #page < 200 then
    break
  end
  offset = offset + 100
end
return {found, gone, '', ''}
