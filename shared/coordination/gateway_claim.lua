-- May a process hold this many sockets of a user and of a tenant? If so, it is written down.
-- KEYS: gateways, the user's counts, the tenant's counts (by process).
-- ARGV: process, of user, user's limit, of tenant, tenant's limit, milliseconds the counts are kept.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local function elsewhere(key)
  local total = 0
  local counts = redis.call('HGETALL', key)
  for i = 1, #counts, 2 do
    if counts[i] ~= ARGV[1] then
      local said = redis.call('HGET', KEYS[1], counts[i])
      if said and tonumber(string.match(said, '^%d+')) > now then
        total = total + tonumber(counts[i + 1])
      else
        redis.call('HDEL', key, counts[i])  -- its process is gone
      end
    end
  end
  return total
end

if elsewhere(KEYS[2]) + ARGV[2] > tonumber(ARGV[3]) or elsewhere(KEYS[3]) + ARGV[4] > tonumber(ARGV[5]) then
  return 0
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[6])
redis.call('PEXPIRE', KEYS[3], ARGV[6])
return 1
