-- Takes the zone's lease or lengthens it, if nobody else has it.
--
-- KEYS: lease (hash: run, owner, place; expires), epoch (hash: epoch, run, owner)
-- ARGV: run, owner, place, milliseconds, 'leading' or ''
-- Answers {'held'}, {'of_another', owner, milliseconds left, run, place} or {'stale_epoch', current}: who
-- leads keeps the lease only for as long as the epoch is of its own run.

local lease, epoch_key = KEYS[1], KEYS[2]
local run, owner, place, lasts_ms, leading = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local holder = redis.call('HMGET', lease, 'run', 'owner', 'place')
if holder[1] and holder[1] ~= run then
  return {'of_another', holder[2], redis.call('PTTL', lease), holder[1], holder[3]}
end
if leading == 'leading' then
  local current = redis.call('HMGET', epoch_key, 'epoch', 'run')
  if (current[2] or '') ~= run then
    return {'stale_epoch', tonumber(current[1] or '0')}
  end
end
redis.call('HSET', lease, 'run', run, 'owner', owner, 'place', place)
redis.call('PEXPIRE', lease, lasts_ms)
return {'held'}
