-- Begins an epoch above all that were ever recorded, or none.
--
-- KEYS: journal (stream), epoch (hash: epoch, run, owner), lease (hash: run, owner)
-- ARGV: run, owner, a number to be above, 'renew' or ''
-- Answers {'begun', epoch} or {'stale_epoch', current}: to renew, the present epoch must be
-- of the same run. {'of_another', owner, milliseconds left}: the lease is another run's.

local journal, epoch_key, lease = KEYS[1], KEYS[2], KEYS[3]
local run, owner, above, renew = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local current = redis.call('HMGET', epoch_key, 'epoch', 'run')
local highest = tonumber(current[1] or '0')
if renew == 'renew' and (current[2] or '') ~= run then
  return {'stale_epoch', highest}
end

-- Who slept between winning the lease and this would throw its successor out.
local holder = redis.call('HMGET', lease, 'run', 'owner')
if holder[1] and holder[1] ~= run then
  return {'of_another', holder[2] or '', redis.call('PTTL', lease)}
end

-- The journal itself knows an epoch that the hash does not, if only the hash was lost.
local newest = redis.call('XREVRANGE', journal, '+', '-', 'COUNT', 1)
if newest[1] then
  local fields = newest[1][2]
  for i = 1, #fields, 2 do
    if fields[i] == 'epoch' then
      highest = math.max(highest, tonumber(fields[i + 1]))
    end
  end
end

local epoch = math.max(highest, above) + 1
redis.call('HSET', epoch_key, 'epoch', string.format('%d', epoch), 'run', run, 'owner', owner)
return {'begun', epoch}
