-- Holds a lease longer, if it is still ours. KEYS[1] lease; ARGV: 1 ticket, 2 lease in ms. Returns 1 if it is ours.
local held = redis.call('GET', KEYS[1])
if not held or string.sub(held, -#ARGV[1]) ~= ARGV[1] then
  return 0
end
return redis.call('PEXPIRE', KEYS[1], tonumber(ARGV[2]))
