#!/bin/sh
# Whether managed PostgreSQL takes connections. pg_isready needs no free connection, so a full server stays ready.
for dir in /usr/lib/postgresql/*/bin; do PATH="$dir:$PATH"; done
exec pg_isready --quiet --host=127.0.0.1 --timeout=3
