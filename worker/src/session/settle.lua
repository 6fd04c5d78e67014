-- A turn ends: its two messages join the recent ones, its last event is kept, and all that it held goes if it is still ours.
-- KEYS: 1 lease, 2 tickets, 3 messages, 4 running, 5 alive, 6 events, 7 names of the user's keys with messages, 8 fence,
--       9 the adult route that the conversation is on
-- ARGV: 1 turn, 2 messages kept (0: leave them alone, -1: forget them), 3 their life in ms,
--       4 sequence number of the user's message (0: not stored), 5 base known (1 or 0), 6 count of new messages,
--       7 id of the last event ('' for none), 8 the event, 9 its life in ms, 10 the user was erased meanwhile (1 or 0),
--       11 the turn's fencing number (0: it had none), 12 the adult route that the conversation is on now ('': none, '=': as before),
--       13... the new messages, then the base: what came before them
-- The buffer is only ever the end of what PostgreSQL holds. If a turn was stored that this buffer never saw, it is
-- dropped, and so it is if a later turn was given the floor meanwhile: the next turn reads PostgreSQL.
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, -#ARGV[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
redis.call('ZREM', KEYS[2], ARGV[1])
local running = redis.call('GET', KEYS[4])
if running and string.sub(running, 1, #ARGV[1]) == ARGV[1] then
  redis.call('DEL', KEYS[4])
end
-- Whoever reads the events sees the last one and the end of the sign of life at once.
if ARGV[7] ~= '' then
  redis.pcall('XADD', KEYS[6], ARGV[7], 'e', ARGV[8])
  redis.call('PEXPIRE', KEYS[6], tonumber(ARGV[9]))
end
redis.call('DEL', KEYS[5])
if ARGV[10] == '1' then
  redis.call('DEL', KEYS[6])
  return 0
end

local keep = tonumber(ARGV[2])
local fence = tonumber(ARGV[11])
local late = fence > 0 and tonumber(redis.call('GET', KEYS[8]) or '0') > fence
-- The end of an adult route holds whenever it comes.
if ARGV[12] == '' then
  redis.call('DEL', KEYS[9])
elseif ARGV[12] ~= '=' and not late and tonumber(ARGV[3]) > 0 then
  redis.call('SET', KEYS[9], ARGV[12], 'PX', tonumber(ARGV[3]))
  redis.call('SADD', KEYS[7], KEYS[9])
  redis.call('PEXPIRE', KEYS[7], tonumber(ARGV[3]))
end
if keep < 0 or late then
  redis.call('DEL', KEYS[3])
  return 0
end
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
  for index = 13 + added, #ARGV do
    redis.call('RPUSH', KEYS[3], ARGV[index])
  end
else
  return 0
end
for index = 13, 12 + added do
  redis.call('RPUSH', KEYS[3], ARGV[index])
end
redis.call('LTRIM', KEYS[3], -keep, -1)
redis.call('PEXPIRE', KEYS[3], tonumber(ARGV[3]))
redis.call('SADD', KEYS[7], KEYS[3])
redis.call('PEXPIRE', KEYS[7], tonumber(ARGV[3]))
return 1
