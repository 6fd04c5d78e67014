-- All that Redis keeps of what a user said: the recent messages of each conversation, and what turns told.
-- KEYS: 1 the names of the recent messages' keys, 2 newest kept turns; ARGV: 1 the start of the names of turns' events
-- Returns the number of keys that are gone.
local gone = 0
for _, key in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  gone = gone + redis.call('DEL', key)
end
for _, turn in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  gone = gone + redis.call('DEL', ARGV[1] .. turn)
end
redis.call('DEL', KEYS[1], KEYS[2])
return gone
