#!/bin/sh
# Starts managed PostgreSQL. The first time it makes the cluster beside its final place and moves it there once it is
# whole, so that a crash half-way leaves nothing that looks finished. Passwords come from the environment.
set -eu
umask 077

for dir in /usr/lib/postgresql/*/bin; do
    if [ -x "$dir/initdb" ]; then PATH="$dir:$PATH"; fi
done

volume=/var/lib/postgresql/data
data=$volume/cluster
new=$volume/cluster.new

make_cluster() {
    rm -rf "$new"
    printf '%s' "$SUPERUSER_PASSWORD" >/tmp/password
    initdb --pgdata="$new" --username=postgres --pwfile=/tmp/password --auth=scram-sha-256 \
        --encoding=UTF8 --locale=C.UTF-8 --data-checksums
    rm /tmp/password
    printf 'host all all all scram-sha-256\n' >>"$new/pg_hba.conf"

    # Only the socket: nothing may connect before the roles are there.
    pg_ctl --pgdata="$new" --wait --options="-c listen_addresses= -c unix_socket_directories=/run/postgresql" start
    PGPASSWORD=$SUPERUSER_PASSWORD psql --host=/run/postgresql --username=postgres --dbname=postgres \
        --no-psqlrc --quiet --set=ON_ERROR_STOP=1 <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv worker_password WORKER_PASSWORD
CREATE ROLE companion_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE companion_worker LOGIN PASSWORD :'worker_password';
CREATE DATABASE companion OWNER companion_owner;
REVOKE ALL ON DATABASE companion FROM PUBLIC;
GRANT CONNECT ON DATABASE companion TO companion_worker;
\connect companion
CREATE EXTENSION vector;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SQL
    pg_ctl --pgdata="$new" --wait --mode=fast stop
    sync
    mv "$new" "$data"
}

if [ ! -d "$data" ]; then make_cluster; fi

# On SIGTERM PostgreSQL would wait for its clients to leave; SIGINT ends their sessions in good order.
postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql -c max_connections=100 &
server=$!
trap 'kill -INT "$server"' TERM INT
status=0
wait "$server" || status=$?
if [ "$status" -gt 128 ] && kill -0 "$server" 2>/dev/null; then
    status=0
    wait "$server" || status=$?
fi
exit "$status"
