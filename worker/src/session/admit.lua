-- A turn asks to begin: the user's limit, the lease of its subject, and the conversation's recent messages, in one go.
-- All keys carry the user's tag, so one slot holds them.
-- KEYS: 1 limit, 2 lease, 3 fence, 4 tickets, 5 messages
-- ARGV: 1 requests a minute, or 0 if this turn was counted before; 2 lease wanted (1 or 0); 3 ticket; 4 lease in ms;
--       5 most waiting; 6 longest wait in ms; 7 messages wanted (0 for none)
-- Returns {'limited', ms} | {'busy'} | {'wait', left, ms} | {'go', left, ms, fence, message...}
local now = clock()

local left, reset = 0, 0
if tonumber(ARGV[1]) > 0 then
  local allowed
  allowed, left, reset = take(KEYS[1], tonumber(ARGV[1]), now)
  if allowed == 0 then
    return { 'limited', reset }
  end
end

local fence = 0
if ARGV[2] == '1' then
  -- Who waits has a ticket with the time it came; whoever came first and is not gone is next.
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - tonumber(ARGV[6]) - 1000)
  local first = redis.call('ZRANGE', KEYS[4], 0, 0)[1]
  local free = redis.call('EXISTS', KEYS[2]) == 0 and (first == nil or first == ARGV[3])
  if not free then
    if not redis.call('ZSCORE', KEYS[4], ARGV[3]) then
      if redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[5]) then
        return { 'busy' }
      end
      redis.call('ZADD', KEYS[4], now, ARGV[3])
      redis.call('PEXPIRE', KEYS[4], tonumber(ARGV[6]) + 1000)
    end
    return { 'wait', left, reset }
  end
  redis.call('ZREM', KEYS[4], ARGV[3])
  -- A fence from the clock goes on rising even if Redis forgot the last one.
  fence = math.max(tonumber(redis.call('GET', KEYS[3]) or '0') + 1, now)
  redis.call('SET', KEYS[3], string.format('%.0f', fence), 'PX', 86400000)
  -- With its ticket, so that a worker that never heard this answer can still give the lease back.
  redis.call('SET', KEYS[2], string.format('%.0f:', fence) .. ARGV[3], 'PX', tonumber(ARGV[4]))
end

local answer = { 'go', left, reset, fence }
if tonumber(ARGV[7]) > 0 then
  for _, message in ipairs(redis.call('LRANGE', KEYS[5], -tonumber(ARGV[7]), -1)) do
    table.insert(answer, message)
  end
end
return answer
