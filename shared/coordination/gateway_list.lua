-- What living processes but one said last. KEYS: gateways. ARGV: the one left out.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local said = redis.call('HGETALL', KEYS[1])
local found = {}
for i = 1, #said, 2 do
  local until_at, numbers = string.match(said[i + 1], '^(%d+) (.*)$')
  if tonumber(until_at) <= now then
    redis.call('HDEL', KEYS[1], said[i])
  elseif said[i] ~= ARGV[1] then
    found[#found + 1] = numbers
  end
end
return found
