-- One call against a moving window. KEYS[1]: instants of the calls that passed, newest first, in
-- microseconds of this server's clock, so that processes whose clocks differ count alike and calls
-- stand in the order they were counted. ARGV: limit, window in microseconds, 1 to count the call.
-- Answers {passes, calls left, microseconds until the window has room again}.
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local oldest = redis.call('LINDEX', KEYS[1], -1)
while oldest and now - tonumber(oldest) >= window do
  redis.call('RPOP', KEYS[1])
  oldest = redis.call('LINDEX', KEYS[1], -1)
end

local count = redis.call('LLEN', KEYS[1])
local passes = count < limit
if passes and ARGV[3] == '1' then
  redis.call('LPUSH', KEYS[1], string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
  count = count + 1
end

-- The call whose end of term makes room: the oldest, or a newer one where the limit was lowered.
local term = redis.call('LINDEX', KEYS[1], math.min(limit, count) - 1)
local wait = term and tonumber(term) + window - now or 0
return {passes and 1 or 0, math.max(limit - count, 0), wait}
