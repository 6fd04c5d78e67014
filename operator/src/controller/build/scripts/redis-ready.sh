#!/bin/sh
# Whether managed Redis answers; it does not while it still reads its file.
[ "$(REDISCLI_AUTH=$REDIS_PASSWORD redis-cli -h 127.0.0.1 --no-auth-warning ping)" = PONG ]
