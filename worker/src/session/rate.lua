-- A sliding window of one minute from two fixed ones: what the last minute saw counts for the part of it that the
-- window still covers. Prepended to the scripts that limit; `now` is the server's clock in milliseconds.
-- Returns allowed (1 or 0), what is left, milliseconds until it is worth another try.
local WINDOW = 60000

local function take(key, limit, now)
  local index = math.floor(now / WINDOW)
  local passed = now - index * WINDOW
  local saved = redis.call('HMGET', key, 'index', 'current', 'last')
  local current, last = 0, 0
  if tonumber(saved[1]) == index then
    current, last = tonumber(saved[2]), tonumber(saved[3])
  elseif tonumber(saved[1]) == index - 1 then
    last = tonumber(saved[2])
  end
  local used = current + last * (WINDOW - passed) / WINDOW
  if used + 1 > limit then
    return 0, 0, WINDOW - passed
  end
  redis.call('HSET', key, 'index', index, 'current', current + 1, 'last', last)
  redis.call('PEXPIRE', key, 2 * WINDOW)
  return 1, math.floor(limit - used - 1), WINDOW - passed
end

local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
