-- One request against one limit. KEYS[1] the limit's key, ARGV[1] requests a minute.
-- Returns {allowed, left, milliseconds until the next try}.
return { take(KEYS[1], tonumber(ARGV[1]), clock()) }
