# PostgreSQL 17 with pgvector, for `database.managed`. The operator gives the command; uid 999 is the official images'.
FROM docker.io/library/debian:trixie-slim
RUN groupadd --system --gid 999 postgres && useradd --system --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres
# Compiling queries pays off in long ones only, and its libraries are half of the image.
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-17 postgresql-17-pgvector && rm -rf \
    /var/lib/apt/lists/* /usr/lib/postgresql/17/lib/bitcode /usr/lib/postgresql/17/lib/llvmjit* /usr/lib/*/libLLVM* /usr/lib/*/libz3*
ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
USER 999:999
