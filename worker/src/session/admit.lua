-- A turn asks to begin: the user's limit, the turn that may run under the same idempotency key, the lease of its
-- conversation, and the conversation's recent messages, in one go. All keys carry the user's tag, so one slot holds them.
-- KEYS: 1 limit, 2 lease, 3 fence, 4 tickets, 5 messages, 6 running, 7 alive, 8 newest kept turns,
--       9 turns that are not stored yet, 10 the adult route that the conversation is on
-- ARGV: 1 requests a minute, or 0 if this turn was counted before; 2 lease wanted (1 or 0); 3 turn; 4 lease in ms;
--       5 most waiting; 6 longest wait in ms; 7 messages wanted (0 for none); 8 hash of the request, '' without a key;
--       9 what it holds is kept alive (1 or 0); 10 kept turns of a user, 0 if this one is not kept; 11 the start of the
--       names of kept turns' events
-- Returns {'limited', ms} | {'reused'} | {'running', left, ms, turn} | {'busy'} | {'wait', left, ms}
--       | {'go', left, ms, fencing number, 1 if turns are not stored yet, adult route or '', message...}
local now = clock()

local left, reset = 0, 0
if tonumber(ARGV[1]) > 0 then
  local allowed
  allowed, left, reset = take(KEYS[1], tonumber(ARGV[1]), now)
  if allowed == 0 then
    return { 'limited', reset }
  end
end

if ARGV[8] ~= '' then
  local running = redis.call('GET', KEYS[6])
  if running then
    redis.call('ZREM', KEYS[4], ARGV[3])
    if string.sub(running, 38) ~= ARGV[8] then
      return { 'reused' }
    end
    return { 'running', left, reset, string.sub(running, 1, 36) }
  end
end

local fence = 0
if ARGV[2] == '1' then
  -- Who waits has a ticket with the time it last looked, many times a second: one that does not look any more is gone, its
  -- worker was killed. Turns' ids rise with time, so the lowest came first and is next.
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - 1000)
  local free = redis.call('EXISTS', KEYS[2]) == 0
  for _, ticket in ipairs(redis.call('ZRANGE', KEYS[4], 0, -1)) do
    free = free and ticket >= ARGV[3]
  end
  if not free then
    if not redis.call('ZSCORE', KEYS[4], ARGV[3]) and redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[5]) then
      return { 'busy' }
    end
    redis.call('ZADD', KEYS[4], now, ARGV[3])
    redis.call('PEXPIRE', KEYS[4], tonumber(ARGV[6]) + 1000)
    return { 'wait', left, reset }
  end
  redis.call('ZREM', KEYS[4], ARGV[3])
  -- A fence from the clock goes on rising even if Redis forgot the last one.
  fence = math.max(tonumber(redis.call('GET', KEYS[3]) or '0') + 1, now)
  redis.call('SET', KEYS[3], string.format('%.0f', fence), 'PX', 86400000)
  -- With the turn, so that a worker that never heard this answer can still give the lease back.
  redis.call('SET', KEYS[2], string.format('%.0f:', fence) .. ARGV[3], 'PX', tonumber(ARGV[4]))
end
if ARGV[8] ~= '' then
  redis.call('SET', KEYS[6], ARGV[3] .. ' ' .. ARGV[8], 'PX', tonumber(ARGV[4]))
end
if ARGV[9] == '1' then
  redis.call('SET', KEYS[7], '1', 'PX', tonumber(ARGV[4]))
end
if tonumber(ARGV[10]) > 0 then
  redis.call('LPUSH', KEYS[8], ARGV[3])
  redis.call('PEXPIRE', KEYS[8], 86400000)
  while redis.call('LLEN', KEYS[8]) > tonumber(ARGV[10]) do
    redis.call('DEL', ARGV[11] .. redis.call('RPOP', KEYS[8]))
  end
end

local answer = { 'go', left, reset, fence, redis.call('EXISTS', KEYS[9]), redis.call('GET', KEYS[10]) or '' }
if tonumber(ARGV[7]) > 0 then
  for _, message in ipairs(redis.call('LRANGE', KEYS[5], -tonumber(ARGV[7]), -1)) do
    table.insert(answer, message)
  end
end
return answer
