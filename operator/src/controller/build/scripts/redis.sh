#!/bin/sh
# Starts managed Redis. The password goes into a file that only this pod sees, not onto a command line.
set -eu
umask 077
cat >/run/redis/redis.conf <<CONF
bind * -::*
protected-mode yes
requirepass $REDIS_PASSWORD
dir /data
appendonly yes
appendfsync everysec
save ""
maxmemory $REDIS_MAXMEMORY
maxmemory-policy noeviction
CONF
exec redis-server /run/redis/redis.conf
