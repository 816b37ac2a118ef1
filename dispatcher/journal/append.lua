-- Writes all entries or none. Every check comes before the first write: a script that
-- stops after a write is not undone.
--
-- KEYS: journal (stream), epoch (hash), request keys (sorted set: key -> position)
-- ARGV: epoch, expected position, request keys kept, then key ('' for none) and payload
--       of each entry
-- Answers {'appended', position, fresh (1 or 0), ...}, {'stale_epoch', current} or
-- {'unexpected_position', actual}. Numbers go back as text where they may exceed what
-- a Lua number keeps exactly; positions stay far below 2^53.

local journal, epoch_key, request_keys = KEYS[1], KEYS[2], KEYS[3]
local epoch, expected, keys_kept = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local current_epoch = redis.call('HGET', epoch_key, 'epoch') or '0'
if current_epoch ~= epoch then
  return {'stale_epoch', tonumber(current_epoch)}
end

local last = 0
local newest = redis.call('XREVRANGE', journal, '+', '-', 'COUNT', 1)
if newest[1] then
  last = tonumber(string.match(newest[1][1], '^(%d+)-'))
end
if last ~= expected then
  return {'unexpected_position', last}
end

local answer = {'appended'}
for i = 4, #ARGV, 2 do
  local key, payload = ARGV[i], ARGV[i + 1]
  local earlier = key ~= '' and redis.call('ZSCORE', request_keys, key)
  if earlier then
    answer[#answer + 1] = tonumber(earlier)
    answer[#answer + 1] = 0
  else
    last = last + 1
    -- '%d' and not tostring: Lua prints large numbers as 1e+15.
    local position = string.format('%d', last)
    redis.call('XADD', journal, position .. '-0', 'epoch', epoch, 'key', key, 'payload', payload)
    if key ~= '' then
      redis.call('ZADD', request_keys, position, key)
    end
    answer[#answer + 1] = last
    answer[#answer + 1] = 1
  end
end
redis.call('ZREMRANGEBYRANK', request_keys, 0, -(keys_kept + 1))
return answer
