-- All that Redis keeps of what a user said: the recent messages of each conversation, what turns told, and turns
-- that are not stored yet.
-- KEYS: 1 the names of the recent messages' keys, 2 newest kept turns, 3 turns that are not stored yet; ARGV: 1 the start of the names of turns' events
-- Returns the number of keys that are gone.
local gone = 0
for _, key in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  gone = gone + redis.call('DEL', key)
end
for _, turn in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  gone = gone + redis.call('DEL', ARGV[1] .. turn)
end
redis.call('DEL', KEYS[1], KEYS[2])
gone = gone + redis.call('DEL', KEYS[3])
return gone
