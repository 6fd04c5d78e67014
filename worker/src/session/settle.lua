-- A turn ends: its two messages join the recent ones, its lease goes if it is still ours, its ticket goes too.
-- KEYS: 1 lease, 2 tickets, 3 messages
-- ARGV: 1 ticket, 2 messages kept (0: leave them alone), 3 their life in ms,
--       4 sequence number of the user's message (0: not stored), 5 base known (1 or 0), 6 count of new messages,
--       7... the new messages, then the base: what came before them
-- The buffer is only ever the end of what PostgreSQL holds. If a turn was stored that this buffer never saw, it is
-- dropped: the next turn reads PostgreSQL.
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, -#ARGV[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
redis.call('ZREM', KEYS[2], ARGV[1])

local keep = tonumber(ARGV[2])
local added = tonumber(ARGV[6])
if keep == 0 or added == 0 then
  return 0
end

local sequence = tonumber(ARGV[4])
local last = redis.call('LINDEX', KEYS[3], -1)
if last then
  local before = cjson.decode(last)['seq']
  if sequence > 0 and before and before > 0 and before ~= sequence - 1 then
    redis.call('DEL', KEYS[3])
    return 0
  end
elseif ARGV[5] == '1' then
  for index = 7 + added, #ARGV do
    redis.call('RPUSH', KEYS[3], ARGV[index])
  end
else
  return 0
end
for index = 7, 6 + added do
  redis.call('RPUSH', KEYS[3], ARGV[index])
end
redis.call('LTRIM', KEYS[3], -keep, -1)
redis.call('PEXPIRE', KEYS[3], tonumber(ARGV[3]))
return 1
