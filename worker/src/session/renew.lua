-- A sign of life of a turn: what it holds lasts longer, if it still holds it. The lease, the key and the sign began with
-- the same length of life, so where the sign is gone all are.
-- KEYS: 1 alive, 2 lease, 3 running; ARGV: 1 lease in ms. Returns 1 if they are ours.
if redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[1])) == 0 then
  return 0
end
redis.call('PEXPIRE', KEYS[2], tonumber(ARGV[1]))
redis.call('PEXPIRE', KEYS[3], tonumber(ARGV[1]))
return 1
