-- Writes all entries or none. Every check comes before the first write: a script that
-- stops after a write is not undone.
--
-- KEYS: journal (stream), epoch (hash: epoch, run, owner), request keys and entry ids
--       (sorted sets: key -> position), exact payloads (hash: position -> payload) and those
--       of them without a date of erasure (sorted set: subject -> position)
-- ARGV: epoch, run, expected position, request keys kept, entry ids kept, then of each entry
--       key ('' for none; one that begins with '#' is an entry id), payload, and for one whose
--       payload is erased one day what then stays of it and its subject ('' and '' otherwise)
-- Answers {'appended', position, fresh (1 or 0), ...}, {'stale_epoch', current} or
-- {'unexpected_position', actual}. Numbers go back as text where they may exceed what
-- a Lua number keeps exactly; positions stay far below 2^53.

local journal, epoch_key, request_keys, entry_ids = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local exact, undated = KEYS[5], KEYS[6]
local epoch, run, expected = ARGV[1], ARGV[2], tonumber(ARGV[3])
local keys_kept, ids_kept = tonumber(ARGV[4]), tonumber(ARGV[5])

local current = redis.call('HMGET', epoch_key, 'epoch', 'run')
if (current[1] or '0') ~= epoch or (current[2] or '') ~= run then
  return {'stale_epoch', tonumber(current[1] or '0')}
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
for i = 6, #ARGV, 4 do
  local key, payload, lasting, subject = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local known = string.sub(key, 1, 1) == '#' and entry_ids or request_keys
  local earlier = key ~= '' and redis.call('ZSCORE', known, key)
  if earlier then
    answer[#answer + 1] = tonumber(earlier)
    answer[#answer + 1] = 0
  else
    last = last + 1
    -- '%d' and not tostring: Lua prints large numbers as 1e+15.
    local position = string.format('%d', last)
    local id = position .. '-0'
    if lasting == '' then
      redis.call('XADD', journal, id, 'epoch', epoch, 'key', key, 'payload', payload)
    else
      redis.call('XADD', journal, id, 'epoch', epoch, 'key', key, 'lasting', lasting)
      redis.call('HSET', exact, position, payload)
      redis.call('ZADD', undated, position, subject)
    end
    if key ~= '' then
      redis.call('ZADD', known, position, key)
    end
    answer[#answer + 1] = last
    answer[#answer + 1] = 1
  end
end
redis.call('ZREMRANGEBYRANK', request_keys, 0, -(keys_kept + 1))
redis.call('ZREMRANGEBYRANK', entry_ids, 0, -(ids_kept + 1))
return answer
