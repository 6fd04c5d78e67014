# Redis, for `redis.managed`. The operator gives the command; uid 999 is the official images'.
FROM docker.io/library/debian:trixie-slim
RUN groupadd --system --gid 999 redis && useradd --system --uid 999 --gid 999 --home-dir /var/lib/redis redis
RUN apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/*
USER 999:999
